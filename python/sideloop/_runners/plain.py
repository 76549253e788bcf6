"""Plain: a sync function that is called on a loop thread."""

import contextvars
import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sideloop._base.errors import not_plain_error
from sideloop._sideloop import Router

T = TypeVar("T")


class _Stopped:
    """It has raised this, which no coroutine can."""

    def __init__(self, error: StopIteration) -> None:
        self.error = error


class _Plain(Generic[T]):
    """An async function of a sync one, which does not wait."""

    __slots__ = ("func",)

    def __init__(self, sync_fn: Callable[..., T]) -> None:
        # Messages name the call by it.
        self.func = sync_fn

    async def __call__(self, *args: Any, **kwargs: Any) -> T | _Stopped:
        try:
            return self.func(*args, **kwargs)
        except StopIteration as error:
            return _Stopped(error)


def check_sync_fn(sync_fn: Callable[..., object]) -> None:
    """Refuse what is no sync function."""
    if not callable(sync_fn) or inspect.iscoroutinefunction(sync_fn):
        raise not_plain_error(sync_fn)


def run_plain(router: Router, sync_fn: Callable[..., T], args: Any, kwargs: Any) -> T:
    """Call it on the loop that serves the caller, and wait until it has returned."""
    found = router.run(_Plain(sync_fn), args, kwargs)
    if not isinstance(found, _Stopped):
        return found
    try:
        raise found.error
    finally:
        del found  # else the exception keeps it in a cycle, through the traceback


def run_here(sync_fn: Callable[..., T], args: Any, kwargs: Any) -> T:
    """Call it on the loop thread that the calling thread is: in a copy of the context, too."""
    return contextvars.copy_context().run(sync_fn, *args, **kwargs)
