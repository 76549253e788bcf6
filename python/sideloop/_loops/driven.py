"""The loop that the caller drives: no thread, and no turn but while a call waits."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from types import BuiltinMethodType
from typing import Any

from sideloop._base.errors import driver_ended_error
from sideloop._loops.ending import end, report_end
from sideloop._loops.event_loop import EventLoop
from sideloop._loops.hubs import hubs
from sideloop._loops.loop import live, remember
from sideloop._loops.making import LoopOptions, make_loop, prepare_loop
from sideloop._loops.system import HAS_EPOLL
from sideloop._loops.unwind import Unwinding, forget, settle
from sideloop._sideloop import AsDriver, LoopCore, PutAside, RunnerCore, copy_context


class DrivenLoop:
    """One event loop, kept between calls and driven by the thread that made it."""

    def __init__(
        self, name: str, grace: float, slow_call_warning: float | None, options: LoopOptions
    ) -> None:
        loop = make_loop(options.factory or _new_loop)
        if not isinstance(loop, LoopCore):
            loop.close()
            raise TypeError(
                f"loop_factory returned {type(loop).__name__}, which only its own run_forever can "
                f'drive: with drive="caller" it has to make a sideloop.EventLoop'
            )
        self.grace = grace
        self.depth = 1
        self._driver = threading.get_ident()
        self.owner: int | None = self._driver
        self.loop = loop
        try:
            self.core = RunnerCore(name, grace, slow_call_warning, loop, self._end)
            remember(self.core)
            self.core.bind(loop, options.namer)
            prepare_loop(loop, options)
        except BaseException:
            loop.close()
            raise

    @property
    def thread(self) -> threading.Thread:
        """Drives the loop."""
        for thread in threading.enumerate():
            if thread.ident == self._driver:
                return thread
        if self.core.mine:
            return threading.current_thread()
        raise driver_ended_error(self.core.name)

    def start(self) -> None:
        """Nothing to start: the first call turns the loop."""
        live.add(self)

    def ask_stop(self) -> None:
        """Let no call enter. `join` unwinds what is left."""
        self.core.ask_stop()

    def join(self, seconds: float) -> bool:  # noqa: ARG002  # the grace bounds it
        """Unwind what is left and close the loop; False on any thread but its own."""
        if self.core.mine:
            try:
                self._end(None)
            except BaseException:
                # A signal handler's, between two steps: it has to end, all the same.
                if not self.loop.is_closed():
                    self._end(None)
                raise
        return self.core.mine

    def let_go(self) -> None:
        """Close the loop without turning it, from any thread: nobody will call any more."""
        self.core.ask_stop()
        with AsDriver(self.core) as mine:
            if not mine:
                return  # who turns it ends it
            live.discard(self)
            if not self.loop.is_closed():
                for task in asyncio.all_tasks(self.loop):
                    forget(task)
                self.loop.close()

    def settle(self) -> None:
        """Cancel the tasks that are left, and turn the loop until they have unwound.

        Unless it was let go meanwhile: the collector may have found its manager.
        """
        with AsDriver(self.core) as mine:
            if mine and not self.loop.is_closed():
                self._turn_by(partial(settle, self.loop, self.core, self.grace))

    def _end(self, reason: BaseException | None) -> None:
        """Unwind what is left and close the loop. Not again from inside of that."""
        with AsDriver(self.core) as mine:
            if mine and not self.loop.is_closed():
                self._unwind_and_close(reason)

    def _unwind_and_close(self, reason: BaseException | None) -> None:
        self.core.begin_unwinding(reason)
        unwinding = Unwinding(self.loop, self.core, self.grace)
        # One `try`: what comes before it is in force leaves all to be done, and the next does it.
        try:
            self._unwind(unwinding)
        except BaseException as error:
            try:
                if unwinding.told:
                    raise
                # A signal handler's, before anything has heard that it ends: it has to, all the
                # same.
                unwinding.note_exit(error)
                self._unwind(unwinding)
            finally:
                report_end(self, end(self))
        raised = end(self)
        if raised is not None:
            raise raised

    def _unwind(self, unwinding: Unwinding) -> None:
        self.loop._stopping = False
        # Not in vain: in the last steps of a thread, where this may be, CPython never drops what it
        # keeps to know which loop runs.
        if self._has_leftovers():
            self._turn_by(unwinding.run)
        else:
            unwinding.exit()

    def _turn_by(self, step: Callable[[], None]) -> None:
        """Have this turn the loop, with whatever else runs on this thread put aside."""
        with PutAside(self.core):
            copy_context().run(step)

    def _has_leftovers(self) -> bool:
        loop: Any = self.loop
        if asyncio.all_tasks(loop) or loop._asyncgens:
            return True
        # Without a bell calls are announced by handles, and those that came are sent back by now.
        return not all(self._announces_calls(handle._callback) for handle in loop._ready)

    def _announces_calls(self, callback: object) -> bool:
        return type(callback) is BuiltinMethodType and callback == self.core.drain


def _new_loop() -> asyncio.AbstractEventLoop:
    """One of ours on every system: callers turn no other."""
    if not HAS_EPOLL or hubs() is None:
        return EventLoop()
    # Where greenlets are threads it comes to this at exit alone, and nobody else runs then.
    from sideloop._loops.selector import ForkAwareSelector

    return EventLoop(ForkAwareSelector())
