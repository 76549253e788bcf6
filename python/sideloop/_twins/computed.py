"""Computed: attributes of async code that its own code computes, as properties do."""

import asyncio
import functools
import inspect
import types
from typing import Any

from sideloop._twins.form import Made, form_behind, is_function
from sideloop._twins.function import TWINS, SyncFunction
from sideloop._twins.served import is_awaited
from sideloop._twins.static import static_of
from sideloop._twins.translate import is_plain, kind_of, original_of
from sideloop._twins.view import resident_of, view

_STORED = (types.MemberDescriptorType, types.GetSetDescriptorType)


def computed(twin: Any, name: str, found: Any) -> Any:
    """The sync view of an attribute's value: of one that is to be awaited, what that gives."""
    if is_plain(found):
        return found
    inside = original_of(twin)
    static = static_of(kind_of(inside), name)
    if static is None or not hasattr(kind_of(static), "__get__") or isinstance(static, _STORED):
        return view(twin, type(twin), found)
    resident = resident_of(twin)
    if is_awaited(resident, found):
        # In no variable: a coroutine that is refused is closed when this is gone.
        return resident.out(resident.router.run(Kept(inside, name, found), (), {}))
    if _is_callable_by_descriptor(static, found):
        return TWINS[form_behind(found)](resident, found)
    return view(twin, type(twin), found)


def _is_callable_by_descriptor(static: Any, found: Any) -> bool:
    """Whether somebody's decorator has made a method in a way of its own."""
    if isinstance(static, property | functools.cached_property) or is_function(static):
        return False
    return callable(found) and not isinstance(found, type | SyncFunction)


class Kept(Made):
    """As an async function: an attribute's awaitable, which is kept if its descriptor keeps it.

    As `functools.cached_property` does. A coroutine can be awaited once only; its task, which takes
    its place, by anybody.
    """

    def __init__(self, inside: Any, name: str, found: Any) -> None:
        super().__init__(found)
        self._inside = inside
        self._name = name
        self.__module__ = kind_of(inside).__module__
        self.__qualname__ = f"{kind_of(inside).__qualname__}.{name}"

    def __call__(self) -> Any:
        found: Any = super().__call__()
        store = getattr(self._inside, "__dict__", {})
        if kind_of(found) is types.CoroutineType and self._name in store:
            now = store[self._name]
            if now is found:
                # At once, before another thread's call of this is started.
                task = store[self._name] = asyncio.ensure_future(self._fresh(found))
                return self._own(task, store)
            if isinstance(now, asyncio.Task):
                if now.get_coro() is not found:
                    found.close()
                return self._wait(now)
        return self._wait(found) if isinstance(found, asyncio.Task) else found

    def _fresh(self, coroutine: Any) -> Any:
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            return coroutine
        # Async code has awaited it already.
        del self._inside.__dict__[self._name]
        return getattr(self._inside, self._name)

    async def _own(self, task: asyncio.Task[Any], store: dict[str, Any]) -> Any:
        try:
            return await task
        except BaseException:
            if store.get(self._name) is task:
                del store[self._name]
            raise

    async def _wait(self, task: Any) -> Any:
        # Whoever has made it may be told to stop, and that is no news for this one.
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled():
            return task.result()
        return await getattr(self._inside, self._name)
