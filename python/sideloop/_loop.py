"""The loop thread: runs one event loop, unwinds what is left on it, and closes it."""

import asyncio
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sideloop._errors import exit_error
from sideloop._event_loop import EventLoop
from sideloop._gevent import check_unpatched
from sideloop._sideloop import RunnerCore
from sideloop._unwind import unwind

if TYPE_CHECKING:
    from sideloop._drive import DrivenLoop

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class LoopOptions(NamedTuple):
    """How to make a runner's loop."""

    factory: LoopFactory | None
    debug: bool | None
    exception_handler: ExceptionHandler | None


class _Here(threading.local):
    """The loop thread that the calling thread is, if it is one."""

    loop_thread: "LoopThread | None" = None


here = _Here()

live: set["LoopThread | DrivenLoop"] = set()
"""Every loop of a runner of this process that has not ended."""

cores: dict[int, weakref.ref[RunnerCore]] = {}
"""Every runner core of this process that somebody holds, by its id: for statistics."""

_orphans: list["LoopThread | DrivenLoop"] = []
"""Inherited through forks. Kept, since collecting a loop closes it, and that reaches the parent."""


class _Exit:
    """The interpreter's exit, as far as loops are concerned."""

    begun = False


exit_state = _Exit()


def forget_inherited() -> None:
    """In a fork's child: none of these loops is ours any more."""
    _orphans.extend(live)
    live.clear()
    cores.clear()
    exit_state.begun = False


def remember(core: RunnerCore) -> None:
    """List a core for as long as somebody holds it."""
    key = id(core)
    cores[key] = weakref.ref(core, lambda _: cores.pop(key, None))


class LoopThread:
    """One event loop and the daemon thread that runs it, from start to end.

    `core` takes the calls. Constructing it makes the loop, `start` the thread, which ends
    after `ask_stop`, or when the user's code ends the loop; either way what is left on the loop is
    cancelled and gets `grace` seconds to unwind.
    """

    def __init__(
        self, name: str, grace: float, slow_call_warning: float | None, options: LoopOptions
    ) -> None:
        self.loop = make_loop(options.factory)
        self.grace = grace
        self.depth = 1
        self.outer: LoopThread | None = None
        self.owner: int | None = None
        try:
            self.core = RunnerCore(name, grace, slow_call_warning, self.loop)
            remember(self.core)
            prepare_loop(self.loop, options)
            self.core.bind(self.loop)
            self._thread = threading.Thread(target=self._main, name=name, daemon=True)
            # Taken by the thread when it begins, or by a start that failed before.
            self._begun = threading.Lock()
            # Free when `start` has started it, or has failed to.
            self._starting = threading.Lock()
            self._starting.acquire()
        except BaseException:
            self.loop.close()
            raise

    def start(self) -> None:
        """Start the thread. If the system has none to give, the loop is closed again."""
        live.add(self)
        try:
            # After `live.add`: whoever does not see the exit here is seen by it.
            _check_startable(self.core.name)
            self._thread.start()
        except BaseException:
            # Also a signal handler's exception, before the thread was there or after.
            if self._begun.acquire(blocking=False):
                live.discard(self)
                self.loop.close()
            else:
                self.ask_stop()
            raise
        finally:
            self._starting.release()

    def ask_stop(self) -> None:
        """Let no call enter, cancel what runs, and end the thread. Does not wait."""
        self.core.ask_stop()

    def let_go(self) -> None:
        """End it, without waiting: nobody will call any more."""
        self.core.ask_stop()

    def join(self, seconds: float) -> bool:
        """Wait until the thread has ended; False if it has not after `seconds`."""
        end = time.monotonic() + seconds
        # One that another thread is just starting cannot be joined yet.
        if not self._starting.acquire(timeout=_bounded(seconds)):
            return False
        self._starting.release()
        if self._thread.ident is not None:
            self._thread.join(_bounded(end - time.monotonic()))
        return not self._thread.is_alive()

    def _main(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        here.loop_thread = self
        try:
            self.core.enter_thread()
            self._run()
            unwind(self.loop, self.core, self.grace)
        finally:
            self.core.finish_all()
            self.loop.close()
            live.discard(self)

    def _run(self) -> None:
        """Run the loop until it is asked to stop, or the user's code ends it."""
        while True:
            reason: BaseException | None = None
            try:
                self.loop.run_forever()
            except BaseException as error:  # SystemExit and KeyboardInterrupt leave run_forever
                if self.core.is_outcome(error) and not self.core.stopping:
                    continue  # it is on its way to the caller, and is nobody else's business
                reason = error
            self.core.begin_unwinding(reason)
            return


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), threading.TIMEOUT_MAX)


def _check_startable(name: str) -> None:
    """Refuse a daemon thread that starts a loop while the interpreter goes on with its exit.

    A thread that begins while the interpreter is taken down may crash it, and so may one that
    drives a loop then (both seen on CPython 3.10).
    """
    if exit_state.begun and threading.current_thread() is not threading.main_thread():
        raise exit_error(name)


def make_loop(loop_factory: LoopFactory | None) -> asyncio.AbstractEventLoop:
    """The loop for a runner: ours, or what the factory makes."""
    check_unpatched()
    if loop_factory is None:
        # A loop of Windows' own kind serves subprocesses, which a selector loop does not there.
        return asyncio.new_event_loop() if sys.platform == "win32" else EventLoop()
    loop = loop_factory()
    # What a function returns need not be what it says.
    if not isinstance(loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"loop_factory returned {type(loop).__name__}, not an event loop: pass a function "
            f"such as asyncio.new_event_loop"
        )
    if loop.is_closed() or loop.is_running():
        state = "closed" if loop.is_closed() else "running"
        raise RuntimeError(
            f"loop_factory returned a loop that is already {state}: it has to make a new one each "
            f"time"
        )
    return loop


def prepare_loop(loop: asyncio.AbstractEventLoop, options: LoopOptions) -> None:
    """Set on a new loop what the runner was asked for."""
    if options.debug is not None:
        loop.set_debug(options.debug)
    if options.exception_handler is not None:
        loop.set_exception_handler(options.exception_handler)
