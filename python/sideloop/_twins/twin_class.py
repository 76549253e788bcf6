"""Twin classes: made from async classes, with the same names and the same place among others."""

import contextlib
import inspect
import types
from enum import Enum
from typing import Any

from sideloop._base.signature import signature_of
from sideloop._twins.by_class import is_native
from sideloop._twins.constructor import Constructor
from sideloop._twins.member import members
from sideloop._twins.memory import BASES, may_be_derived
from sideloop._twins.nature import has_async
from sideloop._twins.origin import HiddenOrigin, Origin
from sideloop._twins.shown import shown_signature
from sideloop._twins.static import names_aio, static_of
from sideloop._twins.translate import Translated, original_of
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_type import type_of
from sideloop._views.async_original import AsyncOriginal

_NO_CONSTRUCTORS = (static_of(object, "__init__"), static_of(Enum, "__init__"))
"""What does nothing."""


def twin_class_of(
    translator: Translator, original: type, module: str, qualname: str
) -> type[Translated]:
    """The twin of a class, which its module will know by this name."""
    known: Any = translator.known.twin_class(original)
    if known is None:
        _check(original)
        return _twin_class(translator, original, module, qualname, is_named=True)
    if not known.__sideloop__.is_named:
        known.__sideloop__.is_named = True
        known.__module__, known.__qualname__ = module, qualname
        known.__name__ = qualname.rpartition(".")[2]
    twin_class: type[Translated] = known
    return twin_class


def unnamed_twin_of(translator: Translator, original: type) -> type[Translated]:
    """The twin of a class that nobody has wrapped, until somebody does."""
    _check_names(original)
    return _twin_class(
        translator, original, original.__module__, original.__qualname__, is_named=False
    )


def _twin_class(
    translator: Translator, original: type, module: str, qualname: str, *, is_named: bool
) -> type[Translated]:
    bases = _bases(translator, original)
    namespace = members(original, _attributes(original, bases)) | {
        "__module__": module,
        "__qualname__": qualname,
        "__doc__": original.__doc__,
        "__signature__": _Signature(),
        "__sideloop__": Origin(original, translator, is_named=is_named),
        "aio": AsyncOriginal[Any](original_of),
    }
    if may_be_derived(original) or static_of(original, "__init__") not in _NO_CONSTRUCTORS:
        namespace["__init__"] = Constructor(original)
    if hasattr(original, "__class_getitem__"):
        namespace["__class_getitem__"] = classmethod(types.GenericAlias)
    kind = type_of(original, bases)
    twin_class: type[Translated] = kind(qualname.rpartition(".")[2], bases, namespace)
    twin_class = translator.known.add_class(original, twin_class)
    translator.known.await_bases(original)
    for derived in translator.known.derived(original):
        _rebase(translator, derived)
    return twin_class


def _rebase(translator: Translator, derived: type) -> None:
    """Derive the twin of a class from the twin of a base that has come later."""
    twin_class: Any = translator.known.twin_class(derived)
    if twin_class is None:
        return
    bases = _bases(translator, derived)
    if bases != twin_class.__bases__:
        with contextlib.suppress(TypeError):  # of memory that is laid out otherwise
            type.__setattr__(twin_class, "__bases__", bases)


def _check(original: type) -> None:
    if BaseException in original.__mro__:
        raise TypeError(
            f"{original.__qualname__} is an exception: sync code catches the very class that async "
            f"code raises, so leave it as it is"
        )
    if not has_async(original):
        raise TypeError(
            f"expected an async class, and {original.__qualname__} has nothing async: no method, "
            f"property, generator or context manager; use it as it is"
        )
    _check_names(original)


def _check_names(original: type) -> None:
    # Fields without a default are no attributes of the class.
    fields = (getattr(original, name, {}) for name in ("__dataclass_fields__", "model_fields"))
    if hasattr(original, "aio") or any("aio" in one for one in fields):
        raise TypeError(names_aio(original.__qualname__))


def _bases(translator: Translator, original: type) -> tuple[type, ...]:
    """The twins of those bases that have one, then those that are as good for sync code."""
    twins = [
        twin for base in original.__bases__ if (twin := _nearest(translator, base)) is not None
    ]
    twins = [one for one in twins if not any(o is not one and issubclass(o, one) for o in twins)]
    twins = twins or [Twin]
    # Bases may come again behind other twins, and from there they count already.
    shared = [
        base
        for base in original.__mro__[1:]
        if _is_shared(base) and not any(issubclass(twin, base) for twin in twins)
    ]
    shared = [one for one in shared if not any(o is not one and issubclass(o, one) for o in shared)]
    return (*twins, *shared)


def _nearest(translator: Translator, base: type) -> type[Translated] | None:
    return next((twin for one in base.__mro__ if (twin := translator.known.twin_class(one))), None)


def _is_shared(base: type) -> bool:
    """Whether the twin may be derived from this base of the original.

    Not if it is async; not if it has memory of its own that a twin cannot have, as a socket's.
    """
    if base is object or base.__module__ == "typing" or _is_protocol(base):
        return False
    if has_async(base):
        return False
    return not any(is_native(one) and one not in BASES for one in base.__mro__[:-1])


def _is_protocol(base: type) -> bool:
    return getattr(base, "_is_protocol", False)


def _attributes(original: type, bases: tuple[type, ...]) -> dict[str, Any]:
    """What the twin does not have from its bases' originals, as the classes' namespaces hold it."""
    covered: set[type] = {object}
    for base in bases:
        if (origin := getattr(base, "__sideloop__", None)) is not None:
            covered.update(origin.original.__mro__)
    found: dict[str, Any] = {}
    for base in reversed(original.__mro__):
        if base not in covered and base.__module__ != "typing":
            found.update(base.__dict__)
    return found


class _Signature:
    """The attribute `__signature__` of twin classes, which `inspect` reads."""

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> inspect.Signature:
        if twin is not None:
            raise AttributeError("__signature__")
        origin = owner.__sideloop__
        if not isinstance(origin, HiddenOrigin):
            shown = shown_signature(origin.translator.known, origin.original, None)
            if shown is None:
                raise AttributeError("__signature__")
            return shown
        # A user's, which has inherited this.
        try:
            signature = signature_of(owner.__init__)
        except (TypeError, ValueError):
            raise AttributeError("__signature__") from None
        return signature.replace(parameters=list(signature.parameters.values())[1:])
