"""The runner: owns one event loop on a thread of its own."""

import functools
import itertools
from collections.abc import AsyncIterable, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from contextvars import Context
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
    TaskName,
    check_drive,
    check_grace,
    check_slow,
    check_task_name,
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
        grace: How many seconds, 5 unless told, a cancelled task gets to unwind before it is left
            behind.
        slow_call_warning: After how many seconds, 60 unless told, a call that has not ended is
            logged, once, with its caller's stack, what its task awaits, and the loop thread's
            stack; None for never.
        task_name: What the tasks of calls are called: a word, which gets a number for each, or a
            function from the async function to the name. It is called on the loop thread, and what
            it raises is raised by the call. Without it they are `call-1`, `call-2` and so on.
        context: All calls, and steps of iterators and context managers, run in this context, as in
            `asyncio.Runner`, and not in a copy of their caller's: what one sets the next one sees.
            On CPython 3.10 each has a copy of it. A time limit in force cancels the call, but is
            not seen inside of it. Not for a caller that runs in that context itself.
        copy_context_back: Whether context variables that a call or step has set have these values
            in the caller's context after it, also if it has raised; of a submitted call in the
            context of who first takes its `result()` or `exception()`.

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
        task_name: TaskName | None = None,
        context: Context | None = None,
        copy_context_back: bool = False,
    ) -> None:
        if context is not None and copy_context_back:
            raise ValueError(
                "what calls set stays in their context, or is copied back to their callers: leave "
                "out context or copy_context_back"
            )
        self._make_loop = functools.partial(
            RunnerLoop,
            name if name is not None else f"sideloop-{next(_numbers)}",
            check_drive(drive),
            check_grace(grace),
            check_slow(slow_call_warning),
            LoopOptions(loop_factory, debug, exception_handler, check_task_name(task_name)),
        )
        self._loop = self._make_loop()
        self._context = context
        self._copy_context_back = copy_context_back
        self._router = Router(self._loop, self._loop.serve, copy_context_back, context)

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

        >>> import asyncio, sideloop
        >>> with sideloop.Runner() as runner:
        ...     lock = runner.run_function(asyncio.Lock)
        ...     runner.run(lock.acquire)
        True
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
        future: Submitted[T] = Submitted(
            self._loop.for_call,
            async_fn,
            args,
            kwargs,
            context=self._context,
            brings_back=self._copy_context_back,
        )
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

    def close(self, grace: float | None = None, *, drain: bool = False) -> None:
        """Cancel what runs, let it unwind, close the loop and join its thread. Idempotent.

        Blocks until the thread has ended, or for `grace` seconds (the runner's own, if None) and
        what the thread needs to end after that; a thread that is stuck is left behind with a log
        warning.

        Args:
            grace: What cancelled tasks get to unwind, in seconds.
            drain: Let the calls that are in end by themselves before, submitted ones as well,
                however long they take; new ones are refused meanwhile. Background tasks, and what
                is open between two steps, are cancelled all the same. A `sideloop.timeout` in force
                and Ctrl-C end that: what still runs then is cancelled, and they are raised when the
                runner is closed.

        Raises:
            RuntimeError: Called by a coroutine on the runner's own loop; or, if the caller drives
                the loop, on another thread than that of its first call.
            DeadlockError: A call waits for who drains. Nothing is closed then.
            TimeoutError: The calls did not end within a `sideloop.timeout` in force.

        >>> import asyncio, sideloop
        >>> runner = sideloop.Runner()
        >>> future = runner.submit(asyncio.sleep, 0.01, result="slept")
        >>> runner.close(drain=True)
        >>> future.result(timeout=0)
        'slept'
        """
        self._loop.close(grace, drain=drain)

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
