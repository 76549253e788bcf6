"""The loop thread: runs one event loop, unwinds what is left on it, and closes it."""

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from sideloop._base.errors import exit_error
from sideloop._base.signals import on_main_thread
from sideloop._loops.ending import end, report_end
from sideloop._loops.forked import end_child, runs_here
from sideloop._loops.hubs import HubExecutor, SystemThread, hubs
from sideloop._loops.loop import exit_state, left_behind, live, remember
from sideloop._loops.making import LoopOptions, make_loop, prepare_loop
from sideloop._loops.unwind import Unwinding, report
from sideloop._sideloop import Latch, RunnerCore


class _Here(threading.local):
    """The loop thread that the calling thread is, if it is one."""

    loop_thread: "LoopThread | None" = None


here = _Here()


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
            if hubs() is not None:
                self.loop.set_default_executor(HubExecutor())
            self.core.bind(self.loop, options.namer)
            # Open when the user's code has stopped the loop, whatever leaves it in that turn.
            self._stopped = Latch()
            _note_stop(self.loop, self._stopped)
            self._thread = _make_thread(self._main, name)
            # Taken by the thread when it begins, or by a start that failed before.
            self._begun = threading.Lock()
            # Open when `start` has started it, or has failed to.
            self._started = Latch()
            # Open when the thread is at its end.
            self._ended = Latch()
        except BaseException:
            self.loop.close()
            raise

    @property
    def thread(self) -> threading.Thread:
        """Runs the loop."""
        found: Any = self._thread  # a SystemThread has what users may ask for
        return found  # type: ignore[no-any-return]

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
            self._started.open()

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
        if not self._started.wait(seconds):
            return False
        if self._thread.ident is None:
            return True
        # Not by joining it: if a signal handler raises meanwhile, CPython before 3.13 takes the
        # thread for one that has ended.
        if not self._ended.wait(max(end - time.monotonic(), 0.0)):
            return False
        self._thread.join(_bounded(end - time.monotonic()))
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            if self._begun.acquire(blocking=False):
                self._serve()
        finally:
            self._ended.open()

    def _serve(self) -> None:
        """All of its life."""
        here.loop_thread = self
        runs_here(self.loop)
        try:
            self.core.enter_thread()
            self._run()
            Unwinding(self.loop, self.core, self.grace).run()
        except BaseException as error:  # nobody is there to whom it could go
            self._end_child(error)
            report(self.loop, f"the loop of runner {self.core.name!r} did not end well", error)
        finally:
            report_end(self, end(self))
            left_behind.discard(self)

    def _run(self) -> None:
        """Run the loop until it is asked to stop, or the user's code ends it."""
        while True:
            reason: BaseException | None = None
            try:
                self.loop.run_forever()
            except BaseException as error:  # SystemExit and KeyboardInterrupt leave run_forever
                # An outcome is on its way to the caller, and is nobody else's business.
                if self.core.alone or not self.core.is_outcome(error):
                    reason = error
                elif not self.core.stopping and not self._stopped.is_open:
                    continue
            self._end_child(reason)
            self.core.begin_unwinding(reason)
            return

    def _end_child(self, left: BaseException | None) -> None:
        """End the process, if it is a fork's child in which this thread is alone."""
        if self.core.alone:
            here.loop_thread = None
            end_child(self.core, left)


def _make_thread(main: Callable[[], None], name: str) -> threading.Thread | SystemThread:
    if (patched := hubs()) is not None:
        return SystemThread(patched, main)
    return threading.Thread(target=main, name=name, daemon=True)


def _note_stop(loop: asyncio.AbstractEventLoop, stopped: Latch) -> None:
    """Have `loop.stop` open a latch, too: an exit makes `run_forever` forget the stop."""
    # Not the loop itself, which would hold itself: one that is dropped is freed at once.
    this = weakref.ref(loop)
    kind = type(loop)
    patched: Callable[[], None] | None = getattr(loop, "__dict__", {}).get("stop")

    def stop() -> None:
        stopped.open()
        if patched is not None:
            patched()
        elif (alive := this()) is not None:
            kind.stop(alive)

    noted: Any = loop
    with contextlib.suppress(AttributeError):  # a loop that takes no attribute of others
        noted.stop = stop


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), threading.TIMEOUT_MAX)


def _check_startable(name: str) -> None:
    """Refuse a daemon thread that starts a loop while the interpreter goes on with its exit.

    A thread that begins while the interpreter is taken down may crash it, and so may one that
    drives a loop then (both seen on CPython 3.10).
    """
    if exit_state.begun and not on_main_thread():
        raise exit_error(name)
