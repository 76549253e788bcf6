"""Twins of functions that take hooks: what is passed as one becomes async before the call."""

from typing import Any

from sideloop._twins.form import Form
from sideloop._twins.function import (
    TWINS,
    PassedFunction,
    SyncContextManagerFunction,
    SyncFunction,
    SyncGeneratorFunction,
)
from sideloop._twins.hooks import may_want, taken_call, wants_of


class HookedFunction(SyncFunction):
    """Of an async function."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = taken_call(self.translator, self.__wrapped__, args, kwargs)
        return _handed_out(self, super().__call__(*args, **kwargs))


class HookedGeneratorFunction(SyncGeneratorFunction):
    """Of one that returns an async generator or iterator."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = taken_call(self.translator, self.__wrapped__, args, kwargs)
        return super().__call__(*args, **kwargs)


class HookedContextManagerFunction(SyncContextManagerFunction):
    """Of one that returns an async context manager."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = taken_call(self.translator, self.__wrapped__, args, kwargs)
        return super().__call__(*args, **kwargs)


class HookedPassedFunction(PassedFunction):
    """Of a method that is not known to be async."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = taken_call(self.translator, self.__wrapped__, args, kwargs)
        return _handed_out(self, super().__call__(*args, **kwargs))


def _handed_out(twin: SyncFunction, result: Any) -> Any:
    wants = wants_of(twin.__wrapped__)
    return result if wants is None else wants.handed_out(twin.translator, result)


_HOOKED: dict[Form | None, type[SyncFunction]] = {
    Form.AWAITED: HookedFunction,
    Form.ITERATED: HookedGeneratorFunction,
    Form.ENTERED: HookedContextManagerFunction,
    None: HookedPassedFunction,
}


def twin_kind(form: Form | None, function: Any) -> type[SyncFunction]:
    """The class of the twin of a function of this form."""
    return _HOOKED[form] if may_want(function) else TWINS[form]
