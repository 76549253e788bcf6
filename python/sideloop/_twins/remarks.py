"""Remarks: what is said, once for each class, of objects that sync code gets."""

from sideloop._base.errors import logger
from sideloop._base.signals import errors_passed_over, raise_a_handlers
from sideloop._twins.by_class import ByClass, kind_of
from sideloop._twins.known import Known

_reported: ByClass[bool] = ByClass()


def report(value: object, error: Exception) -> None:
    """Log that part of an answer is handed out as it is, for an error."""
    raise_a_handlers(error)
    kind = kind_of(value)
    if _reported.get(kind):
        return
    _reported.keep(kind, True)
    with errors_passed_over():  # a filter of somebody's; the answer is not lost for it
        logger.warning(
            "sideloop: an object of %s could not be translated, so sync code gets what async code "
            "has made: see the error below",
            type.__repr__(kind),
            exc_info=error,
        )


def warn_of_raw(known: Known, kind: type) -> None:
    """Warn that sync code gets an object that it can do little with."""
    known.warn_once(
        kind,
        f"an object of {_name(kind)} is handed out as it is, and sync code cannot await what is "
        f"async of it: {_remedy(kind)}",
    )


def warn_of_unnamed(known: Known, kind: type) -> None:
    """Warn that sync code gets a twin, of a class that nobody has named."""
    known.warn_once(
        kind,
        f"an object of {_name(kind)} is handed out as its twin, and nobody has wrapped its class: "
        f"{_remedy(kind)}",
    )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _remedy(kind: type) -> str:
    return (
        f"wrap that too, as in synced({kind.__name__}), or write synced(..., deep=True) for what "
        f"hands it out"
    )
