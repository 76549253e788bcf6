"""Twins of functions that take hooks: what is passed as one becomes async before the call."""

from typing import Any

from sideloop._twins.form import Form
from sideloop._twins.function import (
    TWINS,
    CalledFunction,
    MakingFunction,
    PassedFunction,
    SyncContextManagerFunction,
    SyncFunction,
    SyncGeneratorFunction,
)
from sideloop._twins.hooks import may_want, taken_call, wants_of


class _Hooked(SyncFunction):
    """Before the call of another twin, as which it is made."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = taken_call(
            self.__sideloop_translator__, self.__sideloop_async_fn__, args, kwargs
        )
        found = super().__call__(*args, **kwargs)
        wants = wants_of(self.__sideloop_async_fn__)
        return found if wants is None else wants.handed_out(self.__sideloop_translator__, found)


class HookedFunction(_Hooked):
    """Of an async function."""


class HookedGeneratorFunction(_Hooked, SyncGeneratorFunction):
    """Of one that returns an async generator or iterator."""


class HookedContextManagerFunction(_Hooked, SyncContextManagerFunction):
    """Of one that returns an async context manager."""


class HookedPassedFunction(_Hooked, PassedFunction):
    """Of a method that is not known to be async."""


class HookedCalledFunction(_Hooked, CalledFunction):
    """Of one that needs a running loop."""


class HookedMakingFunction(_Hooked, MakingFunction):
    """Of one that has to show that it is async."""


_HOOKED: dict[Form | None, type[SyncFunction]] = {
    Form.AWAITED: HookedFunction,
    Form.ITERATED: HookedGeneratorFunction,
    Form.ENTERED: HookedContextManagerFunction,
    None: HookedPassedFunction,
}


def twin_kind(form: Form | None, function: Any) -> type[SyncFunction]:
    """The class of the twin of a function of this form."""
    return _HOOKED[form] if may_want(function) else TWINS[form]


def called_kind(function: Any) -> type[SyncFunction]:
    """The class of the twin of one that needs a running loop, and may return anything."""
    return HookedCalledFunction if may_want(function) else CalledFunction


def making_kind(function: Any) -> type[SyncFunction]:
    """The class of the twin of one of which nothing is known: a call will show what it is."""
    return HookedMakingFunction if may_want(function) else MakingFunction
