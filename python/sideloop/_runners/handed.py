"""Handed: an awaitable that its caller has made, on its way to the loop that awaits it."""

import asyncio
import inspect
import types
from collections.abc import Awaitable, Coroutine
from typing import Any, Generic, TypeVar

from sideloop._base.errors import elsewhere_error, not_awaitable_error

T = TypeVar("T")


class Handed(Generic[T]):
    """An async function that gives its awaitable away, once, for a call that may never begin.

    Whatever becomes of the call, the awaitable is either the loop's or still here: then `close`
    closes it, so that nobody is warned of a coroutine that was never awaited.
    """

    __slots__ = ("_kept", "func")

    def __init__(self, awaitable: Awaitable[T]) -> None:
        check_awaitable(awaitable)
        # Messages name the call by it.
        self.func = awaitable
        # A list, of which one thread alone can pop.
        self._kept = [awaitable]

    def __call__(self) -> Awaitable[T]:
        """Give it away: on the loop thread."""
        awaitable = self._kept.pop()
        if asyncio.isfuture(awaitable):
            _check_of(asyncio.get_running_loop(), awaitable)
        return awaitable

    def close(self) -> None:
        """The call is over, or was refused."""
        if self._kept:
            _close(self._kept.pop())

    def __repr__(self) -> str:
        return repr(self.func)


def check_awaitable(found: object) -> None:
    """Refuse what cannot be awaited, saying what to write."""
    if not isinstance(found, types.CoroutineType) and not inspect.isawaitable(found):
        raise not_awaitable_error(found)


def _check_of(running: asyncio.AbstractEventLoop, future: Any) -> None:
    get_loop = getattr(future, "get_loop", None)
    if get_loop is not None and (other := get_loop()) is not running:
        raise elsewhere_error(future, other)


def _close(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that has not begun. One that has is somebody else's."""
    if inspect.iscoroutine(awaitable):
        if inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
            awaitable.close()
    elif isinstance(awaitable, Coroutine):  # Cython's, for example
        awaitable.close()
