"""Kept context: what a submitted call has set, for whoever takes its outcome."""

import contextvars
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from sideloop._base.errors import not_async_error
from sideloop._sideloop import bring_back, call_name

T = TypeVar("T")


class KeptContext(Generic[T]):
    """An async function that keeps the context in which it has ended.

    In the task itself: on CPython 3.10 that has a copy of its own, which nobody else sees.
    """

    _before: contextvars.Context | None = None
    _after: contextvars.Context | None = None

    def __init__(self, async_fn: Callable[..., Awaitable[T]]) -> None:
        # Messages name the call by it.
        self.func = async_fn

    async def __call__(self, *args: Any, **kwargs: Any) -> T:
        self._before = contextvars.copy_context()
        try:
            awaitable = self.func(*args, **kwargs)
            if not inspect.isawaitable(awaitable):
                raise not_async_error(call_name(self.func), awaitable)
            return await awaitable
        finally:
            self._after = contextvars.copy_context()

    def bring_back(self) -> None:
        """Set here what it has changed. Once."""
        before, after = self._before, self._after
        self._before = self._after = None
        if before is not None and after is not None:
            bring_back(before, after)
