"""Futures: the sync view of a future, a task or a coroutine that async code keeps."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from sideloop._sideloop import Router

T_co = TypeVar("T_co", covariant=True)


class SyncFuture(Generic[T_co]):
    """The sync view of a future, a task or a coroutine: of one that is an attribute, for example.

    Twins hand it out where async code hands out one of these, other than by a call that is there to
    be awaited. It is asked as a `concurrent.futures.Future` is, from any thread; async code that it
    is passed to gets its own one.

    >>> import asyncio, sideloop
    >>> class AsyncJob:
    ...     async def start(self) -> "asyncio.Task[int]":
    ...         return asyncio.create_task(asyncio.sleep(0, 7))
    >>> task = sideloop.synced(AsyncJob)().start()
    >>> task.result(), task.done()
    (7, True)
    """

    def __init__(self, router: Router, future: Any, out: Callable[[Any], T_co]) -> None:
        self._router = router
        self._future = future
        self._out = out

    def result(self, timeout: float | None = None) -> T_co:
        """Wait for what it comes to, and return or raise that.

        A coroutine is begun by the first one who asks. To give up does not cancel it.

        Args:
            timeout: After this many seconds wait no longer.

        Raises:
            TimeoutError: It has not come to anything yet.
            asyncio.CancelledError: It was cancelled.
        """
        return self._out(self._ended("result", timeout).result())

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for it, and return what it raises, or None.

        Args:
            timeout: After this many seconds wait no longer.

        Raises:
            TimeoutError: It has not come to anything yet.
            asyncio.CancelledError: It was cancelled.
        """
        return cast("BaseException | None", self._ended("exception", timeout).exception())

    def done(self) -> bool:
        """Whether it has come to something: a value, an error, its cancellation."""
        return asyncio.isfuture(self._future) and self._future.done()

    def cancelled(self) -> bool:
        """Whether it was cancelled, and that is how it has ended."""
        return asyncio.isfuture(self._future) and self._future.cancelled()

    def cancel(self) -> bool:
        """Ask it to stop, on its loop. Returns whether it was asked: not if it has ended."""

        async def cancel() -> Any:
            return self._begun().cancel()

        return not self.done() and bool(self._run("cancel", cancel))

    def __repr__(self) -> str:
        return f"<SyncFuture of {self._future!r}>"

    def _begun(self) -> Any:
        """The future, on its loop: a coroutine's is made now."""
        if not asyncio.isfuture(self._future):
            self._future = asyncio.ensure_future(self._future)
        return self._future

    def _ended(self, name: str, timeout: float | None) -> Any:
        async def wait() -> None:
            await asyncio.wait([self._begun()], timeout=timeout)

        if not self.done():
            self._run(name, wait)
        if not self.done():
            raise TimeoutError(f"{self!r} has come to nothing in {timeout} seconds")
        return self._future

    def _run(self, name: str, async_fn: Any) -> Any:
        # As errors and tasks name it.
        kind: Any = type(self._future)  # pyright: ignore[reportUnknownVariableType]
        inside = kind.__qualname__ if not inspect.iscoroutine(self._future) else "coroutine"
        async_fn.__module__ = kind.__module__.lstrip("_")
        async_fn.__qualname__ = f"{inside}.{name}"
        return self._router.run(async_fn, (), {})
