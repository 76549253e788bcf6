"""What is seldom to be done about an awaitable that is handed over.

The extension asks for it, where it is no coroutine, or the call has not begun.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Coroutine

from sideloop._base.errors import elsewhere_error, not_awaitable_error


def check_awaitable(found: object) -> None:
    """Refuse what cannot be awaited, saying what to write."""
    if not inspect.isawaitable(found):
        raise not_awaitable_error(found)


def check_of_running(awaitable: Awaitable[object]) -> None:
    """Refuse a future of another loop than the one that runs."""
    if not asyncio.isfuture(awaitable):
        return
    get_loop = getattr(awaitable, "get_loop", None)
    if get_loop is not None and (other := get_loop()) is not asyncio.get_running_loop():
        raise elsewhere_error(awaitable, other)


def close(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that has not begun. One that has is somebody else's."""
    if inspect.iscoroutine(awaitable):
        if inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
            awaitable.close()
    elif isinstance(awaitable, Coroutine):  # Cython's, for example
        awaitable.close()
