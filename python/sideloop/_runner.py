"""The runner: owns one event loop on a thread of its own."""

import itertools
import threading
from collections.abc import AsyncIterable, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace, TracebackType
from typing import Any, Literal, ParamSpec, TypeVar

from sideloop._drive import DrivenLoop
from sideloop._enter import SyncContextManager, enter
from sideloop._errors import RunnerClosedError, logger
from sideloop._iterate import SyncGenerator, iterate
from sideloop._loop import ExceptionHandler, LoopFactory, LoopOptions, LoopThread
from sideloop._sideloop import Router, RunnerCore, call_name, check_async_fn, generation
from sideloop._submit import Submitted

P = ParamSpec("P")
T = TypeVar("T")
Y = TypeVar("Y")

GRACE = 5.0
"""How many seconds a cancelled task gets to unwind, unless said otherwise."""

SLOW_CALL_WARNING = 60.0
"""After how many seconds a call is logged that has not ended, unless said otherwise."""

Drive = Literal["thread", "caller"]

_MAKERS: dict[Drive, type[LoopThread] | type[DrivenLoop]] = {
    "thread": LoopThread,
    "caller": DrivenLoop,
}

_numbers = itertools.count(1)


class Runner:
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

    # For `__del__`, when an argument was refused.
    _closed = True
    _loop_thread: LoopThread | DrivenLoop | None = None

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
        self._grace = check_grace(grace)
        self._slow_call_warning = check_slow(slow_call_warning)
        self.name = name if name is not None else f"sideloop-{next(_numbers)}"
        self.drive: Drive = check_drive(drive)
        self._loop_options = LoopOptions(loop_factory, debug, exception_handler)
        self.depth = 1
        self._closed = False
        self._loop_thread = None
        # Re-entrant: a signal handler may call run_sync while this thread starts a loop.
        self._starting = threading.RLock()
        self._generation = generation()
        self._slot = SimpleNamespace()
        self._router = Router(self._slot, self._serve)

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
            raise RuntimeError(
                f"{call_name(async_fn)} was not submitted: the loop of runner {self.name!r} turns "
                f'only while a caller waits, and nobody would; use run, or drive="thread"'
            )
        future: Submitted[T] = Submitted(self.loop_for, async_fn, args, kwargs)
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
        if grace is not None:
            grace = check_grace(grace)
        loop_thread = self._loop_thread
        if loop_thread is not None and not loop_thread.core.orphaned:
            _check_closable(self.name, loop_thread)
        if grace is not None and loop_thread is not None:
            loop_thread.grace = grace
        self.close_soon()
        loop_thread = self._loop_thread
        if loop_thread is None or loop_thread.core.orphaned:
            return
        # Unwinding takes the grace at most, then the loop has still to be closed.
        if not loop_thread.join(loop_thread.grace + 1.0):
            logger.warning("the loop thread of runner %r is stuck and was left behind", self.name)
        self._loop_thread = None

    def close_soon(self) -> None:
        """Close without waiting: what runs is cancelled, the thread ends by itself. Idempotent."""
        self._closed = True
        # A first call that is just making the loop finds the runner closed when it has the lock no
        # more.
        with self._lock():
            loop_thread = self._loop_thread
        if loop_thread is not None and not loop_thread.core.orphaned:
            loop_thread.ask_stop()

    def close_or_let_go(self) -> None:
        """Close as far as this thread may: a loop that another thread drives is let go."""
        driven_elsewhere = self._driven_elsewhere()
        if self.driving:
            self.close_soon()
        elif driven_elsewhere is None:
            self.close()
        else:
            self._closed = True
            driven_elsewhere.let_go()
            self._loop_thread = None

    def close_or_refuse(self, grace: float | None) -> None:
        """Close; a loop that another thread drives takes no more calls, and is closed there."""
        driven_elsewhere = self._driven_elsewhere()
        if driven_elsewhere is None:
            self.close(grace)
        else:
            self._closed = True
            driven_elsewhere.ask_stop()

    def _driven_elsewhere(self) -> DrivenLoop | None:
        """The loop, if another thread of this process drives it."""
        loop = self._loop_thread
        if isinstance(loop, DrivenLoop) and not loop.core.mine and not loop.core.orphaned:
            return loop
        return None

    @property
    def driving(self) -> bool:
        """Whether a call drives the loop now. For managers, not for users."""
        loop = self._loop_thread
        return isinstance(loop, DrivenLoop) and loop.core.driving

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def __enter__(self) -> "Runner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._closed or self._loop_thread is None:
            return
        if isinstance(self._loop_thread, DrivenLoop):
            self.close_or_let_go()
        else:
            self.close_soon()

    def __repr__(self) -> str:
        if self._closed:
            state = "closed"
        elif self._loop_thread is None:
            state = "new"
        else:
            state = f"running {self._loop_thread.core.running} calls"
        return f"<sideloop.Runner {self.name!r}, {state}>"

    def _serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """The core that takes this call: starts the loop thread, or replaces one that is gone."""
        core = self.loop_for(async_fn).core
        self._slot.core = core
        return core

    def loop_for(self, async_fn: Callable[..., object]) -> LoopThread | DrivenLoop:
        """The loop that takes this call, started if need be. For managers, not for users."""
        with self._lock():
            found = self._loop_thread
            if found is not None and found.core.accepting:
                return found
            if self._closed:
                raise RunnerClosedError(self.name, call_name(async_fn))
            made = _MAKERS[self.drive](
                self.name, self._grace, self._slow_call_warning, self._loop_options
            )
            try:
                made.start()
                if self._loop_thread is not found and self._loop_thread is not None:
                    # A signal handler came in between and has started one. One is enough.
                    made.let_go()
                    return self._loop_thread
                self._loop_thread = made
                if self._closed:
                    # Meanwhile: whoever closes waits for the lock, and then for this loop to end.
                    raise RunnerClosedError(self.name, call_name(async_fn))
            except BaseException:
                made.let_go()
                raise
            return made

    def disown(self) -> None:
        """The thread that it served has ended. For managers, not for users."""
        if self._loop_thread is not None:
            self._loop_thread.owner = None

    def _lock(self) -> threading.RLock:
        if self._generation != generation():
            # In a fork's child: the thread that held the lock, if one did, is not there.
            self._starting, self._generation = threading.RLock(), generation()
        return self._starting


def _check_closable(name: str, loop: LoopThread | DrivenLoop) -> None:
    """Refuse a close that would wait for itself, or that another thread has to do."""
    inside = loop.core.driving if isinstance(loop, DrivenLoop) else loop.core.mine
    if inside:
        raise RuntimeError(
            f"runner {name!r} cannot be closed by a coroutine on its own loop, which would wait "
            f"for itself; close it where it was made"
        )
    if isinstance(loop, DrivenLoop) and not loop.core.mine:
        raise RuntimeError(
            f"runner {name!r} is driven by the thread that made its first call; close it there"
        )


def check_drive(drive: Drive) -> Drive:
    """Refuse what is no drive."""
    if drive not in _MAKERS:
        raise ValueError(f"drive is 'thread' or 'caller', not {drive!r}")
    return drive


def check_slow(seconds: float | None) -> float | None:
    """Refuse what is no duration."""
    if seconds is None:
        return None
    if not seconds > 0:
        raise ValueError(
            f"slow_call_warning is a positive number of seconds, or None for never: {seconds!r}"
        )
    return float(seconds)


def check_grace(grace: float) -> float:
    """Refuse what is no duration."""
    if not grace >= 0:
        raise ValueError(f"grace is a number of seconds that is not negative: {grace!r}")
    return float(grace)
