"""Drive: a call on a loop that nobody runs just now, which the caller turns while it waits."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, ParamSpec, TypeVar

from sideloop._base.errors import (
    deadlock_error,
    driven_elsewhere_error,
    host_gone_error,
    warn_abandoned,
)
from sideloop._loops.hubs import check_no_hubs
from sideloop._runners.options import GRACE
from sideloop._runners.run_on import check_loop
from sideloop._sideloop import (
    Call,
    Insist,
    Limit,
    NestedWait,
    RunnerCore,
    call_name,
    check_async_fn,
    check_time,
    copy_context,
    guest_core,
    resume_task,
    suspend_task,
)

P = ParamSpec("P")
T = TypeVar("T")


def drive(
    loop: asyncio.AbstractEventLoop,
    async_fn: Callable[P, Awaitable[T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call an async function on a loop that nobody runs, and turn that until it has ended.

    For what was made on the calling thread's current loop, and belongs to it: a connection that
    `loop.run_until_complete` has opened. Blocks the calling thread, on which all of the loop runs
    meanwhile, each task of it; `async_fn` in a copy of the caller's context. `sideloop.timeout` and
    Ctrl-C cancel the task, which gets 5 seconds to unwind, as in `run_sync`. Another loop that the
    thread runs (Jupyter's) waits meanwhile. The loop is not closed.

    Args:
        loop: An asyncio event loop of any kind that does not run.
        async_fn: Any callable that returns an awaitable.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments: none is taken for sideloop.

    Returns:
        The awaited value.

    Raises:
        BaseException: Whatever the function raised: the same object, with its traceback.
        TypeError: `loop` is no event loop, or `async_fn` no async function.
        TimeoutError: The call did not end within a `sideloop.timeout` in force.
        DeadlockError: The calling thread runs the loop, or another one that waits for it.
        RuntimeError: The loop is closed, or another thread runs it: that is for `run_on`. Or
            gevent or eventlet has patched the process, whose greenlets would all run the loop.
        LoopStoppedError: User code has stopped the loop under the call.

    >>> import asyncio, sideloop
    >>> loop = asyncio.new_event_loop()
    >>> queue = loop.run_until_complete(asyncio.sleep(0, asyncio.Queue()))
    >>> queue.put_nowait(22)
    >>> sideloop.drive(loop, queue.get)
    22
    >>> loop.close()
    """
    check_async_fn(async_fn)
    check_loop(loop, async_fn)
    limit = check_time(async_fn)
    check_no_hubs(loop)
    if loop.is_running():
        # Or turned further out, by a call in which this one is nested.
        here = getattr(loop, "_thread_id", None) == threading.get_ident()
        if here or asyncio._get_running_loop() is loop:
            raise deadlock_error(f"drive({loop!r})", call_name(async_fn))
        raise driven_elsewhere_error(repr(loop), call_name(async_fn))
    core = guest_core(loop, GRACE, GRACE)
    if core.has_thread:  # which is about to run it
        raise driven_elsewhere_error(repr(loop), call_name(async_fn))
    driven: _Driven[T] = _Driven(loop, core, async_fn, limit)
    call: Call | None = None
    try:
        core.submit(async_fn, args, kwargs, driven, copy_context(), is_kept=False, here=True)
        call = driven.call
        if call is not None:  # it has not ended
            call.hear_of_errands_by(driven.hear_of_errand)
            with NestedWait(call), _Aside() as aside:
                driven.turn(call, aside)
                return driven.outcome()
        return driven.outcome()
    except BaseException:
        # A signal handler's, before or after: nobody waits for the call any more.
        driven.leave_behind()
        raise
    finally:
        call = None
        del driven  # else an exception keeps it in a cycle, through the traceback


class _LeaveError(SystemExit):
    """Leaves a loop in the midst of a turn, as any exit of a callback. What is ready stays so."""


class _Driven(Generic[T]):
    """A call, and the turning of its loop. Settled by the extension, through `settle_...`."""

    _value: T
    _error: BaseException | None = None
    _reason: BaseException | None = None
    _settled = False
    _is_stale = False

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        core: RunnerCore,
        async_fn: Callable[..., object],
        limit: Limit | None,
    ) -> None:
        self.call: Call | None = None
        self._loop = loop
        self._core = core
        self._async_fn = async_fn
        self._limit = limit
        self._turns = 0
        self._turning = False
        self._stopped = False
        self._has_errand = False

    def settle_value(self, value: T) -> bool:
        """The call has returned."""
        self._value = value
        return self._settle()

    def settle_error(self, error: BaseException) -> bool:
        """The call has failed."""
        self._error = error
        return self._settle()

    def settle_not_started(self) -> bool:
        """The loop has ended before."""
        return self.settle_error(self._gone("was closed"))

    def leave_behind(self) -> None:
        """The caller is gone, and the loop does not run: what is left on it is cancelled here."""
        self._turning = False
        if (left := self.call) is not None:
            left.cancel_here()

    def hear_of_errand(self) -> None:
        """On the loop: it is run when that has been left for it."""
        self._has_errand = True
        self._loop.call_soon(Insist(self._leave))

    def turn(self, call: Call, aside: "_Aside") -> None:
        """Turn the loop until the call has ended, or nobody waits for it any longer."""
        try:
            self._turn(call, aside)
        finally:
            call.refuse_errands()

    def _turn(self, call: Call, aside: "_Aside") -> None:
        end: float | None = None
        while not self._settled:
            reason = self._go_on(call, aside, end)
            if self._settled:
                if reason is not None and self._reason is None:
                    self._reason = reason
                return
            if reason is None:
                continue
            if end is not None:
                # The second one, or its grace is over.
                self._give_up(reason)
                return
            self._reason = reason
            end = time.monotonic() + GRACE
            if (running := self.call) is not None:
                running.cancel_here()
                running.tell_cut_off()

    def _go_on(self, call: Call, aside: "_Aside", end: float | None) -> BaseException | None:
        """Turn the loop, and run what it was left for. Returns what is to end the call."""
        try:
            reason = self._turn_once(end)
            if self._stopped and self._has_errand and not self._settled and reason is None:
                self._run_errands(call, aside)
            return reason
        except BaseException as error:  # a signal handler's, also between two turns
            return error

    def _run_errands(self, call: Call, aside: "_Aside") -> None:
        """Where the caller stands, around the loop."""
        with aside.let_go_on():
            call.run_errands()
        self._has_errand = False

    def outcome(self) -> T:
        """The value; or what the call has raised, or why nobody waits for it. To be asked once."""
        reason, error = self._reason, self._error
        # An exception has frames of ours in its traceback, or behind those: they must not hold it.
        self._reason = self._error = None
        try:
            if reason is not None:
                if error is not None and reason.__cause__ is None:
                    reason.__cause__ = error
                raise reason
            if error is not None:
                raise error
            return self._value
        finally:
            del reason, error

    def _settle(self) -> bool:
        self._settled = True
        self.call = None
        if self._turning:
            # Not at once: an exit may be about to leave the loop, and on uvloop's the stop would
            # stay. And what a signal handler raises here has a turn of its own, as any exit.
            self._loop.call_soon(Insist(self._stop))
        return True

    def _stop(self) -> None:
        if self._turning:
            self._stopped = True
            self._loop.stop()

    def _leave(self) -> None:
        """Leave the loop for an errand.

        Not by `stop`, where there is another way, since the user's code may call that in the same
        turn: what has stopped the loop then cannot be told.
        """
        if not self._turning:
            return
        stopping = getattr(self._loop, "_stopping", None)
        if stopping is None:  # not asyncio's
            self._stop()
        elif not stopping:
            raise _LeaveError

    def _left(self) -> float | None:
        return None if self._limit is None else self._limit.left()

    def _over(self, end: float | None, left: float) -> BaseException:
        if end is None and self._limit is not None:
            return self._limit.missed(self._async_fn)
        return TimeoutError(f"{call_name(self._async_fn)} did not unwind within {GRACE - left} s")

    def _turn_once(self, end: float | None) -> BaseException | None:
        """Run the loop until the call has ended or the time is over. Returns what else ends it."""
        seconds = self._left() if end is None else end - time.monotonic()
        if seconds is not None and seconds <= 0:
            return self._over(end, seconds)
        self._turns += 1
        turn, over = self._turns, list[None]()

        def stop() -> None:
            if self._turning and self._turns == turn:  # else it was interrupted, and is over
                over.append(None)
                self._loop.stop()

        timer = None if seconds is None else self._loop.call_later(seconds, Insist(stop))
        if self._has_errand:
            # Left when one was interrupted: what is cancelled for that takes its own back first.
            self._loop.call_soon(Insist(self._leave))
        self._stopped = False
        try:
            self._turning = True
            self._loop.run_forever()
        except _LeaveError as left:
            self._stopped = True
            return left.__cause__
        except BaseException as error:
            # A stop that uvloop has not come to: it ends the next run.
            self._is_stale = self._stopped or bool(over)
            return None if self._is_outcome(error) else error
        finally:
            self._turning = False
            if timer is not None:
                timer.cancel()
        if self._settled or over or self._stopped:
            return None
        if self._is_stale and not hasattr(self._loop, "_stopping"):
            self._is_stale = False
            return None
        return self._gone("was stopped")

    def _is_outcome(self, error: BaseException) -> bool:
        """Whether it is the call's own, which has left the loop on its way to it."""
        return error is self._error or (not self._settled and self._core.is_outcome(error))

    def _give_up(self, reason: BaseException) -> None:
        warn_abandoned(repr(self._loop), call_name(self._async_fn), stuck=False)
        if not isinstance(reason, TimeoutError):
            self._reason = reason

    def _gone(self, how: str) -> BaseException:
        return host_gone_error(repr(self._loop), call_name(self._async_fn), how)


class _Aside:
    """Another loop that this thread runs, which waits meanwhile."""

    def __init__(self) -> None:
        self._running: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> "_Aside":
        self._put()
        return self

    def __exit__(self, *error: object) -> None:
        self._take()

    @contextlib.contextmanager
    def let_go_on(self) -> Generator[None, None, None]:
        """It is the running one, for as long as this block."""
        self._take()
        try:
            yield
        finally:
            self._put()

    def _put(self) -> None:
        self._running = running = asyncio._get_running_loop()
        if running is None:
            return
        self._task = suspend_task(running)
        asyncio._set_running_loop(None)

    def _take(self) -> None:
        running, task = self._running, self._task
        self._running = self._task = None
        if running is None:
            return
        asyncio._set_running_loop(running)
        if task is not None:
            resume_task(running, task)
