"""The loop thread: runs one event loop, unwinds what is left on it, and closes it."""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from sideloop._errors import logger
from sideloop._event_loop import EventLoop
from sideloop._sideloop import RunnerCore

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class _Here(threading.local):
    """The loop thread that the calling thread is, if it is one."""

    loop_thread: "LoopThread | None" = None


here = _Here()

live: set["LoopThread"] = set()
"""Every loop thread of this process that has not ended."""

_orphans: list["LoopThread"] = []
"""Inherited through forks. Kept, since collecting a loop closes it, and that reaches the parent."""


def forget_inherited() -> None:
    """In a fork's child: none of the loop threads is there any more."""
    _orphans.extend(live)
    live.clear()


class LoopThread:
    """One event loop and the daemon thread that runs it, from start to end.

    `core` takes the calls. Constructing it makes the loop, `start` the thread, which ends
    after `ask_stop`, or when the user's code ends the loop; either way what is left on the loop is
    cancelled and gets `grace` seconds to unwind.
    """

    def __init__(
        self,
        name: str,
        grace: float,
        loop_factory: LoopFactory | None,
        exception_handler: ExceptionHandler | None,
    ) -> None:
        self._loop = _make_loop(loop_factory)
        self.core = RunnerCore(name, grace, self._loop)
        self.grace = grace
        self.depth = 1
        self.outer: LoopThread | None = None
        try:
            if exception_handler is not None:
                self._loop.set_exception_handler(exception_handler)
            self.core.bind(self._loop)
            self._thread = threading.Thread(target=self._main, name=name, daemon=True)
            # Taken by the thread when it begins, or by a start that failed before.
            self._begun = threading.Lock()
        except BaseException:
            self._loop.close()
            raise

    def start(self) -> None:
        """Start the thread. If the system has none to give, the loop is closed again."""
        live.add(self)
        try:
            self._thread.start()
        except BaseException:
            # Also a signal handler's exception, before the thread was there or after.
            if self._begun.acquire(blocking=False):
                live.discard(self)
                self._loop.close()
            else:
                self.ask_stop()
            raise

    def ask_stop(self) -> None:
        """Let no call enter, cancel what runs, and end the thread. Does not wait."""
        self.core.ask_stop()

    def join(self, seconds: float) -> bool:
        """Wait until the thread has ended; False if it has not after `seconds`."""
        self._thread.join(min(max(seconds, 0.0), threading.TIMEOUT_MAX))
        return not self._thread.is_alive()

    def _main(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        here.loop_thread = self
        try:
            self.core.enter_thread()
            self._run()
            self._unwind()
        finally:
            self.core.finish_all()
            self._loop.close()
            live.discard(self)

    def _run(self) -> None:
        """Run the loop until it is asked to stop, or the user's code ends it."""
        while True:
            reason: BaseException | None = None
            try:
                self._loop.run_forever()
            except BaseException as error:  # SystemExit and KeyboardInterrupt leave run_forever
                if self.core.is_outcome(error) and not self.core.stopping:
                    continue  # it is on its way to the caller, and is nobody else's business
                reason = error
            self.core.begin_unwinding(reason)
            return

    def _unwind(self) -> None:
        """Cancel what is left and let it run its cleanup, within the grace."""
        loop = self._loop
        end = time.monotonic() + self.grace
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        for task in self.core.abandoned_tasks():
            _forget(task)
            tasks.discard(task)
        if tasks:
            self._complete(asyncio.wait(tasks, timeout=self.grace))
        for task in tasks:
            if not task.done():
                logger.warning("%r ignored its cancellation and was left behind", task)
                _forget(task)
        self._complete(
            asyncio.wait_for(loop.shutdown_asyncgens(), max(end - time.monotonic(), 0.1))
        )

    def _complete(self, coro: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine with a time limit of its own to its end, whatever the others raise."""
        task = self._loop.create_task(coro)
        while not task.done():
            # A task that unwinds may stop the loop again, or exit again: go on.
            with contextlib.suppress(BaseException):
                self._loop.run_until_complete(task)
        if not task.cancelled():
            task.exception()  # seen: a time limit that is over is no news


def _forget(task: "asyncio.Future[Any]") -> None:
    """We have named it: asyncio need not do so again when it is collected."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def _make_loop(loop_factory: LoopFactory | None) -> asyncio.AbstractEventLoop:
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
