"""A fork by what a loop thread runs: in the child that thread is alone, and ends the process.

The child has the step in which the fork was made: of a call, of a background task, a callback.
All else on the loop is the parent's, and so are the files that the loop would wait for. When the
step is over, the process ends as a program does whose main thread has run it: with what an exit
says, with 1 after any other exception, and else with 0.
"""

import asyncio
import collections
import os
import threading
from typing import Any, NoReturn, TypeGuard

from sideloop._loops.process_end import end_process
from sideloop._sideloop import LoopCore, RunnerCore


class _Here(threading.local):
    """The calling thread: its own loop, if it is a loop thread, and what on which loop forks."""

    own: asyncio.AbstractEventLoop | None = None
    running: asyncio.AbstractEventLoop | None = None
    task: "asyncio.Task[Any] | None" = None
    callback_failed = False


_here = _Here()


def runs_here(loop: asyncio.AbstractEventLoop) -> None:
    """The calling thread is this loop's."""
    _here.own = loop


def install() -> None:
    """Know what forks, and what becomes of it in the child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_note_task, after_in_parent=_forget, after_in_child=_watch)


def _note_task() -> None:
    loop = asyncio._get_running_loop()
    if loop is not None and (loop is _here.own or isinstance(loop, LoopCore)):
        # Since CPython 3.14 nobody can tell in the child.
        _here.running = loop
        _here.task = asyncio.current_task(loop)


def _forget() -> None:
    _here.running = _here.task = None


def _watch() -> None:
    loop = _here.running if _here.own is None else _here.own
    if loop is None:
        return
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if _tells_of_the_fork(error):
            if isinstance(error.__context__, (SystemExit, KeyboardInterrupt)):
                raise error.__context__  # which it has replaced
            return
        _here.callback_failed = True
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(loop, context)

    loop.set_exception_handler(handle)
    # Ours are left by themselves.
    if loop is _here.own and not isinstance(loop, LoopCore):
        _stop(loop)


def _tells_of_the_fork(error: BaseException | None) -> TypeGuard[RuntimeError]:
    """Whether it is how the step of the task ends that has forked, besides what came of that.

    Since CPython 3.14 asyncio forgets in the child which loop runs, and complains of it at the end
    of the step. To have it remember would forbid the child an `asyncio.run`.
    """
    return isinstance(error, RuntimeError) and "is not the running loop" in str(error)


_kept: list[object] = []
"""What was ready on a loop of the parent. Collecting it might reach the parent."""


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    """Have a loop of others be left after this turn, in which nothing else of the parent's runs.

    Of what is ready on a loop that is not asyncio's own, nobody knows.
    """
    ready: Any = getattr(loop, "_ready", None)
    if issubclass(type(ready), collections.deque):
        # Asyncio takes as many as there were when the turn began.
        _kept.extend(ready)
        nothing = [asyncio.Handle(int, (), loop)] * len(ready)
        ready.clear()
        ready.extend(nothing)
    loop.stop()


def end_child(core: RunnerCore, left: BaseException | None) -> NoReturn:
    """End the child: its only thread has left the loop, with this exception if with one."""
    ended = core.leave_in_child()
    task = _here.task
    error: BaseException | None = None
    if isinstance(left, (SystemExit, KeyboardInterrupt)):
        error = left
    elif ended is not None:
        (error,) = ended
    elif task is not None:
        error = _error_of(task, core)
    elif _here.callback_failed:  # and was reported
        error = SystemExit(1)
    # What is called at the end may fork again.
    _here.own = None
    _forget()
    end_process(error)


def _error_of(task: "asyncio.Task[Any]", core: RunnerCore) -> BaseException | None:
    if not task.done():
        return core.unfinished_error(repr(task))
    if not task.cancelled():
        return task.exception()
    # By us, and no news, while what is left on the loop unwinds.
    return None if core.stopping else asyncio.CancelledError()
