"""Twins of functions, methods and properties."""

from typing import Any

from sideloop._sideloop import call_name, check_async_fn
from sideloop._twins.code import asks_for_loop
from sideloop._twins.form import form_behind, is_dispatched, is_function, is_sync
from sideloop._twins.function import SyncFunction
from sideloop._twins.hooked import called_kind, making_kind, twin_kind
from sideloop._twins.nature import makes_async
from sideloop._twins.sync_property import SyncProperty
from sideloop._twins.translator import Translator


def twin_function_of(translator: Translator, async_fn: Any) -> SyncFunction:
    """The twin of anything that can be called, and of class methods and static methods."""
    if not is_function(async_fn):
        # Says what it is instead, and closes a coroutine object.
        check_async_fn(async_fn)
    form = form_behind(async_fn)
    needs_loop = asks_for_loop(getattr(async_fn, "__func__", async_fn))
    if form is None and is_sync(async_fn) and not needs_loop:
        raise TypeError(
            f"expected an async function, and {call_name(async_fn)} is a sync one: call it as it "
            f"is, or write it with 'async def'; one that returns an awaitable says so, as by "
            f"'-> Awaitable[int]'"
        )
    if form is not None and not is_dispatched(async_fn):
        return twin_kind(form, async_fn)(translator, async_fn)
    if is_dispatched(async_fn) or needs_loop or makes_async(async_fn):
        return called_kind(async_fn)(translator, async_fn)
    return making_kind(async_fn)(translator, async_fn)


def twin_property_of(translator: Translator, original: property) -> SyncProperty:
    """The twin of a property whose getter is async."""
    if original.fget is None or form_behind(original.fget) is None:
        name = "without a getter" if original.fget is None else call_name(original.fget)[:-2]
        raise TypeError(
            f"expected an async property, and {name} is a sync one: leave it as it is, or write "
            f"its getter with 'async def'"
        )
    getter = twin_function_of(translator, original.fget)
    return SyncProperty(original, getter, original.fset, original.fdel)
