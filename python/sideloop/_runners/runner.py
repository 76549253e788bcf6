"""The runner: owns one event loop on a thread of its own."""

import functools
import itertools
from collections.abc import AsyncIterable, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, ParamSpec, TypeVar

from sideloop._base.closing import Closing
from sideloop._loops.loop import Loop
from sideloop._loops.making import ExceptionHandler, LoopFactory, LoopOptions
from sideloop._map.loop import Find
from sideloop._map.map import Maps
from sideloop._runners.alike import Alike
from sideloop._runners.bridge import Bridge
from sideloop._runners.options import (
    GRACE,
    SLOW_CALL_WARNING,
    Drive,
    check_drive,
    check_grace,
    check_slow,
)
from sideloop._runners.runner_loop import RunnerLoop
from sideloop._runners.submit import Submitted, not_submittable_error
from sideloop._sideloop import Router, check_async_fn
from sideloop._views.context_manager import SyncContextManager, enter
from sideloop._views.generator import SyncGenerator, iterate

P = ParamSpec("P")
T = TypeVar("T")
Y = TypeVar("Y")

_numbers = itertools.count(1)


class Runner(Bridge, Maps, Closing):
    """An event loop on a thread of its own, for calls from any thread.

    Constructing one starts nothing: the first call does. A loop that the user's code stops, that is
    stuck, or that was inherited through a fork is replaced at the next call. `close` is final; a
    runner that nobody refers to any more closes without being waited for.

    Args:
        name: Names the thread, in messages and debuggers.
        loop_factory: Makes the event loop, `uvloop.new_event_loop` for example. Without it the loop
            is a `sideloop.EventLoop`.
        drive: Who runs the loop: a `"thread"` of its own, or the `"caller"` while it waits. A loop
            that the caller drives belongs to the thread of its first call, costs no thread and no
            hand-off, and turns only during calls: what is left on it waits for the next one.
        debug: Whether the loop runs in asyncio's debug mode; if None, as `PYTHONASYNCIODEBUG` says.
        exception_handler: Is set on the loop: see `asyncio.loop.set_exception_handler`.
        grace: How many seconds a cancelled task gets to unwind before it is left behind.
        slow_call_warning: After how many seconds a call that has not ended is logged, once, with
            its caller's stack, what its task awaits, and the loop thread's stack; None for never.

    >>> import asyncio, sideloop
    >>> with sideloop.Runner(name="example") as runner:
    ...     runner.run(asyncio.sleep, 0, result="slept")
    'slept'
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        drive: Drive = "thread",
        loop_factory: LoopFactory | None = None,
        debug: bool | None = None,
        exception_handler: ExceptionHandler | None = None,
        grace: float = GRACE,
        slow_call_warning: float | None = SLOW_CALL_WARNING,
    ) -> None:
        self._make_loop = functools.partial(
            RunnerLoop,
            name if name is not None else f"sideloop-{next(_numbers)}",
            check_drive(drive),
            check_grace(grace),
            check_slow(slow_call_warning),
            LoopOptions(loop_factory, debug, exception_handler),
        )
        self._loop = self._make_loop()
        self._router = Router(self._loop, self._loop.serve)

    @property
    def name(self) -> str:
        """Names the thread, in messages and debuggers."""
        return self._loop.name

    @name.setter
    def name(self, name: str) -> None:
        self._loop.name = name

    @property
    def drive(self) -> Drive:
        """Who runs the loop: a thread of its own, or the caller while it waits."""
        return self._loop.drive

    def run(self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call an async function on the runner's loop and return what it returns.

        Blocks the calling thread; other threads run meanwhile. `async_fn` is called on the loop
        thread (on the calling one, if that drives the loop), in a copy of the caller's context.

        Args:
            async_fn: Any callable that returns an awaitable.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments: none is taken for the runner.

        Returns:
            The awaited value.

        Raises:
            BaseException: Whatever the function raised: the same object, with its traceback.
            TypeError: `async_fn` is no async function.
            TimeoutError: The call did not end within a `sideloop.timeout` in force.
            RunnerClosedError: The runner is closed.
            LoopStoppedError: The user's code stopped the loop under the call.
            DeadlockError: The caller is a coroutine on this runner's own loop.
            RuntimeError: The caller drives the loop, and this is not the thread of its first call.
        """
        return self._router.run(async_fn, args, kwargs)

    def submit(
        self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Call an async function on the runner's loop and do not wait for it.

        Blocks for no longer than a first call takes to start the loop. `async_fn` is called on the
        loop thread, in a copy of the caller's context. A `sideloop.timeout` does not limit it.

        Returns:
            A `concurrent.futures.Future`. Its `result(timeout)` waits; its `cancel()` cancels the
            task, which unwinds on the loop, and `concurrent.futures.wait` waits for that too. Its
            callbacks run on the loop thread. A task that ends with `asyncio.CancelledError` leaves
            it cancelled; if `close` cancelled the task, its exception is a RunnerClosedError.

        Raises:
            TypeError: `async_fn` is no async function.
            RunnerClosedError: The runner is closed.
            RuntimeError: The caller drives the loop, so that nobody would run the call.

        >>> import asyncio, sideloop
        >>> with sideloop.Runner() as runner:
        ...     future = runner.submit(asyncio.sleep, 0, result="slept")
        ...     future.result(timeout=5)
        'slept'
        """
        check_async_fn(async_fn)
        if self.drive == "caller":
            raise not_submittable_error(async_fn, f"runner {self.name!r}")
        future: Submitted[T] = Submitted(self._loop.for_call, async_fn, args, kwargs)
        future.send()
        return future

    def iterate(
        self, async_iterable: AsyncIterable[Y], *, read_ahead: int = 0
    ) -> SyncGenerator[Y, Any]:
        """The sync view of anything that `async for` can iterate, on the runner's loop.

        As `sideloop.iterate`, which says more.
        """
        return iterate(self._router, async_iterable, read_ahead)

    def enter(
        self, async_context_manager: AbstractAsyncContextManager[T, bool | None]
    ) -> SyncContextManager[T]:
        """The sync view of anything that `async with` can enter, on the runner's loop.

        As `sideloop.enter`, which says more.
        """
        return enter(self._router, async_context_manager)

    def close(self, grace: float | None = None) -> None:
        """Cancel what runs, let it unwind, close the loop and join its thread. Idempotent.

        Blocks until the thread has ended, or for `grace` seconds (the runner's own, if None) and
        what the thread needs to end after that; a thread that is stuck is left behind with a log
        warning.

        Raises:
            RuntimeError: Called by a coroutine on the runner's own loop; or, if the caller drives
                the loop, on another thread than that of its first call.
        """
        self._loop.close(grace)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.closed

    def _find(self, async_fn: Callable[..., object]) -> tuple[RunnerLoop, Loop]:
        return self._loop.find(async_fn)

    def _runs_here(self) -> bool:
        return self._loop.runs_here

    def _find_in_worker(self) -> Find:
        return Alike(self._make_loop).find

    def __repr__(self) -> str:
        if self.closed:
            state = "closed"
        elif self._loop.found is None:
            state = "new"
        else:
            state = f"running {self._loop.found.core.running} calls"
        return f"<sideloop.Runner {self.name!r}, {state}>"


def loop_of(runner: Runner) -> RunnerLoop:
    """What a manager uses of a runner."""
    return runner._loop  # pyright: ignore[reportPrivateUsage]  # ours
