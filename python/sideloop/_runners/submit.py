"""Submit: a call that is put in without waiting, and the future that gets its outcome."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, LOGGER, RUNNING
from contextvars import Context
from typing import Any, ParamSpec, Protocol, TypeVar

from sideloop._base.errors import submitted_forked_error
from sideloop._runners.kept_context import KeptContext
from sideloop._runners.options import Drive
from sideloop._sideloop import Call, Latch, NestedWait, RunnerCore, call_name

P = ParamSpec("P")
T = TypeVar("T")

_LOOK = 1.0
"""How often who waits looks whether an outcome can still come, in seconds."""


class Takes(Protocol):
    """What takes a call: a loop, as far as is needed here."""

    @property
    def core(self) -> RunnerCore:
        """Takes it."""
        ...


LoopFor = Callable[[Callable[..., object]], Takes]
"""The loop that takes a call, started or replaced if need be."""


def not_submittable_error(async_fn: Callable[..., object], whose: str) -> RuntimeError:
    """A call was refused that nobody would run."""
    return RuntimeError(
        f"{call_name(async_fn)} was not submitted: the loop of {whose} turns only while a "
        f'caller waits, and nobody would; call it and wait, or use drive="thread"'
    )


def check_on_thread(async_fn: Callable[..., object], drive: Drive, name: str) -> None:
    """Refuse what nobody would run, since its loop has no thread though it should have one."""
    if drive == "caller":
        raise RuntimeError(
            f"{call_name(async_fn)} was not submitted: the interpreter is exiting, and no thread "
            f"starts any more that could run the loop of runner {name!r}; call it and wait, or "
            f"submit it before"
        )


class Submitted(Future[T]):
    """The future of a call. Settled on the loop thread, by the extension, through `settle_...`.

    It is pending until the call has ended, also while that runs, as the futures of
    `asyncio.run_coroutine_threadsafe` are: so `cancel` works until then.

    It runs in `context`, if there is one. Whoever takes the outcome gets, once, what the call has
    set in its own context, if that `brings_back`.
    """

    # Typeshed does not have it.
    _done_callbacks: list[Callable[[Any], object]]

    def __init__(
        self,
        loop_for: LoopFor,
        async_fn: Callable[P, Awaitable[T]],
        args: Any,
        kwargs: Any,
        *,
        context: Context | None = None,
        brings_back: bool = False,
        look: float = _LOOK,
    ) -> None:
        super().__init__()
        self._async_fn: Callable[..., Awaitable[T]] = async_fn
        self._kept: KeptContext[T] | None = KeptContext(async_fn) if brings_back else None
        self._context = context
        self._look = look
        # Until it has ended: what finds the loop may keep it open.
        self._work: tuple[LoopFor, Any, Any] = (loop_for, args, kwargs)
        self._core: RunnerCore | None = None
        self.call: Call | None = None
        self._settled = Latch()

    def send(self) -> None:
        """Put the call in, on whichever loop the runner has now."""
        sent = False
        while not sent:
            loop_for, args, kwargs = self._work
            self._core = loop_for(self._async_fn).core
            async_fn = self._async_fn if self._kept is None else self._kept
            sent = self._core.submit(async_fn, args, kwargs, self, self._context)
        if self._settled.is_open and self.cancelled() and (call := self.call) is not None:
            # Between an attempt that did not start and this one.
            call.cancel()

    def cancel(self) -> bool:
        """Cancel the task; False if the call has ended."""
        if not super().cancel():
            return False
        inherited = self._core is not None and self._core.orphaned  # the call is the parent's
        if (call := self.call) is not None and not inherited:
            call.cancel()
        return True

    def result(self, timeout: float | None = None) -> T:
        """Wait for the outcome: the value, or the exception."""
        try:
            with self._nested():
                self._wait(timeout)
                self._bring_back()
                return super().result(0.0)
        finally:
            del self  # else the exception keeps it in a cycle, through the traceback

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the outcome: the exception, or None."""
        with self._nested():
            self._wait(timeout)
            self._bring_back()
            return super().exception(0.0)

    def _bring_back(self) -> None:
        if self._kept is not None and self.done():
            self._kept.bring_back()

    def settle_value(self, value: T) -> bool:
        """The call has returned; False if nobody can see that."""
        return self._end(self.set_result, value)

    def settle_error(self, error: BaseException) -> bool:
        """The call has failed; False if nobody can see that."""
        if isinstance(error, asyncio.CancelledError):
            super().cancel()
        return self._end(self.set_exception, error)

    def settle_not_started(self) -> bool:
        """The loop went away before: try the next one, unless the runner is closed."""
        if self.cancelled():
            return self._end(self.set_result, None)
        try:
            self.send()
        except BaseException as error:
            return self.settle_error(error)
        return True

    def _nested(self) -> contextlib.AbstractContextManager[None]:
        """Around a wait: the loops that this thread runs wait for the call, and not in a circle."""
        call = self.call
        return contextlib.nullcontext() if call is None else NestedWait(call)

    def _wait(self, timeout: float | None) -> None:
        """Wait until it is settled, or for so long.

        Does not work: to wait as a future does. It says by an exception that it has not come yet,
        and a signal handler may raise the same one. A greenlet must not wait so at all.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self._settled.is_open:
            # A signal handler may fork meanwhile: in the child nobody would settle it.
            self._check_comes()
            left = end - time.monotonic()
            if left <= 0:
                return
            self._settled.wait(min(left, self._look))

    def _end(self, set_outcome: Callable[[Any], None], outcome: Any) -> bool:
        """Have it end so; False if nobody can see that.

        Asked again where a signal handler or an exit of a callback has interrupted it, it goes on.
        """
        kept = self._forget()
        # Read as it lies there, since each question takes the lock: none but the caller makes it
        # one of these, and what cancels the future meanwhile is seen under the lock.
        state = self._state
        if state == FINISHED:
            self._invoke_callbacks()
        elif state == RUNNING or self._begins_to_end(state):
            set_outcome(outcome)
        else:
            return False
        del kept  # not before: finalizers of the user's may take long
        return True

    def _begins_to_end(self, state: str) -> bool:
        """False if it was cancelled before, and then `concurrent.futures.wait` knows."""
        return state != CANCELLED_AND_NOTIFIED and self.set_running_or_notify_cancel()

    def _invoke_callbacks(self) -> None:
        # Called by all that settles a future, after it has. Typeshed does not have this.
        self._settled.open()
        # Each once, though what interrupts one has the others called by who settles it again.
        callbacks = self._done_callbacks
        while callbacks:
            callback = callbacks.pop(0)
            try:
                callback(self)
            except Exception:
                LOGGER.exception("exception calling callback for %r", self)

    def _forget(self) -> tuple[object, ...]:
        """It has ended. Returns what it needs no more."""
        kept = (self._work, self.call)
        self._work, self.call = (_nowhere, (), {}), None
        return kept

    def _check_comes(self) -> None:
        """Refuse to wait for an outcome that cannot come."""
        if self._core is not None and self._core.orphaned:
            raise submitted_forked_error(call_name(self._async_fn))
        call = self.call
        if call is not None and (error := call.given_up()) is not None:
            self.settle_error(error)


def _nowhere(async_fn: Callable[..., object]) -> Takes:
    raise AssertionError(f"{call_name(async_fn)} has ended")
