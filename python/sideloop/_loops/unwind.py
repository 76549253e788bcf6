"""Unwind a loop: cancel what is left on it, and let it run its cleanup.

What is called here may be the user's, and raise: a task's `cancel`, a task factory, an exception
handler, the methods of a loop of another kind. So each is called on its own, and what is ours is
done without them where that can be. An exit that leaves the loop meanwhile comes out at the end.
"""

import asyncio
import time
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any

from sideloop._base.errors import logger
from sideloop._base.signals import on_main_thread
from sideloop._loops.leftovers import Leftovers
from sideloop._sideloop import RunnerCore

_forgotten: "weakref.WeakSet[asyncio.Future[Any]]" = weakref.WeakSet()

_named: "weakref.WeakSet[asyncio.Future[Any]]" = weakref.WeakSet()

_ATTEMPTS = 1000
"""A loop that leaves off more often than this does not run any more."""

_ROUNDS = 10
"""What begins another task more often than this, each time it is cancelled, does so without end."""

_FAILURES = 10
"""So does one that fails more often, since what runs on it cannot have it fail."""


def settle(loop: asyncio.AbstractEventLoop, core: RunnerCore, grace: float) -> None:
    """Cancel the tasks that are left on a loop that runs no more, but will again.

    Raises:
        BaseException: As `unwind`.
    """
    core.begin_settling()
    unwinding = Unwinding(loop, core, grace)
    unwinding.complete(unwinding.cancel_leftovers)
    unwinding.exit()


def settle_soon(loop: asyncio.AbstractEventLoop, core: RunnerCore, grace: float) -> "Future[None]":
    """The same for a loop that another thread runs. The future is done when they have unwound.

    Any thread may call meanwhile on what lives on that loop: then they are left to go on.

    Raises:
        RuntimeError: The loop is closed.
    """
    settled: Future[None] = Future()

    async def cancel() -> None:
        if not core.asked_for and not core.stopping:
            core.begin_settling()
            await Unwinding(loop, core, grace).cancel_leftovers()

    def start() -> None:
        task = _OwnTask(cancel(), loop=loop)
        quieten(task)  # who closes the loop meanwhile unwinds it
        task.add_done_callback(lambda _: settled.set_result(None))

    loop.call_soon_threadsafe(start)
    return settled


class _OwnTask(asyncio.Task[Any]):
    """A task of ours, which is no leftover."""


def users_tasks(loop: asyncio.AbstractEventLoop) -> "set[asyncio.Task[Any]]":
    """The tasks on a loop, but those that unwind it."""
    return {task for task in asyncio.all_tasks(loop) if not isinstance(task, _OwnTask)}


class Unwinding:
    """What is done about one loop that runs no more, and the exits that have left it meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop, core: RunnerCore, grace: float) -> None:
        self._loop = loop
        self._core = core
        self._grace = grace
        self._exits: list[BaseException] = []
        self._leftovers: list[Leftovers] = []

    def run(self) -> None:
        """Cancel what is left on the loop and what that begins, and turn it until all has unwound.

        Blocks for the grace at most, and runs the tasks' cleanup on the calling thread. What still
        runs then is named in a log warning, unless its caller has left it behind before.

        Raises:
            BaseException: What unwinds has raised SystemExit or KeyboardInterrupt, and no call ends
                with it; or a signal handler has raised, whatever it was.
        """
        end = time.monotonic() + self._grace
        for number in range(_ROUNDS):
            left = end - time.monotonic()
            if number > 0 and left <= 0:
                break
            if not self.complete(partial(self.cancel_leftovers, max(left, 0.0))):
                return self.exit()
            if getattr(self._loop, "_asyncgens", True):
                left = max(end - time.monotonic(), 0.1)
                if not self.complete(partial(self.close_generators, left)):
                    return self.exit()
            # Their last turns, or a generator's cleanup, may have begun another; and a connection
            # that has come in is about to.
            if not self._left() and not getattr(self._loop, "_ready", ()):
                break
        for task in self._left():
            logger.warning("%r began while its loop ended, and was left behind", task)
            forget(task)
        return self.exit()

    @property
    def told(self) -> bool:
        """Whether what is left has heard that the loop ends."""
        return any(leftovers.told for leftovers in self._leftovers)

    def note_exit(self, error: BaseException) -> None:
        """This is raised at the end."""
        self._exits.append(error)

    def exit(self) -> None:
        """Raise the first exit, if there was one."""
        for error in self._exits:
            raise error

    def cancel(self, tasks: Iterable["asyncio.Future[Any]"]) -> None:
        """Cancel each, whatever the others raise."""
        for task in tasks:
            # Again if it exits: it may have been a signal handler, before it was cancelled.
            for _ in range(2):
                try:
                    task.cancel()
                except (SystemExit, KeyboardInterrupt) as error:
                    self._exits.append(error)
                    continue
                except BaseException as error:
                    report(self._loop, f"{task!r} could not be cancelled", error)
                break

    def _left(self) -> "set[asyncio.Task[Any]]":
        return {task for task in users_tasks(self._loop) if task not in _forgotten}

    async def cancel_leftovers(self, grace: float | None = None) -> None:
        """Cancel the other tasks, once; name and forget those that go on after the grace."""
        tasks = self._left()
        if not tasks:
            return  # as mostly, and a loop's end costs less
        leftovers = Leftovers(self._core, tasks, self.cancel)
        self._leftovers.append(leftovers)
        await leftovers.unwind(self._grace if grace is None else grace)
        # Asked now: who waits may have named one meanwhile, or another unwinding of this loop.
        # By membership: other loops' threads put in theirs, and a set is not walked meanwhile.
        abandoned = self._core.abandoned_tasks()
        for task in leftovers.pending():
            if not (task in _named or task in _forgotten or task in abandoned):
                logger.warning("%r ignored its cancellation and was left behind", task)
            forget(task)

    async def close_generators(self, seconds: float) -> None:
        """Have the asynchronous generators that are left close, each in a task."""
        # asyncio makes those through the task factory. What is the user's is over by now.
        self._loop.set_task_factory(None)
        # Those that still run are what their task is: left behind, and named.
        generators: Any = getattr(self._loop, "_asyncgens", ())
        for generator in [one for one in generators if one.ag_running]:
            generators.discard(generator)
        closing = asyncio.Task(self._loop.shutdown_asyncgens(), loop=self._loop)
        _, late = await asyncio.wait({closing}, timeout=seconds)
        if late:
            closing.cancel()
            await asyncio.wait({closing}, timeout=0.1)
            forget(closing)

    def complete(self, async_fn: Callable[[], Coroutine[Any, Any, object]]) -> bool:
        """Run an async function with a time limit of its own to its end, whatever the others raise.

        Returns whether it has come to that.

        Ctrl-C that is no task's own error, or a second one, comes out at once, when what is left
        has heard; what else a signal handler raises is an exit.
        """
        # Not by the loop's own methods: one asks the user's task factory, the other raises if a
        # task stops the loop again, and what a signal handler raises has to be told from that.
        task = self._start(async_fn)
        failed: BaseException | None = None
        failures = 0
        others: set[asyncio.Task[Any]] = set()
        for _ in range(_ATTEMPTS):
            if task.done():
                if not self._was_interrupted(task):
                    break
                task = self._start(async_fn)
            if on_main_thread():
                others = users_tasks(self._loop)
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                if self._core.alone:
                    raise
                if self._core.is_outcome(error):
                    continue  # it is on its way to the caller
                pressed = self.told and isinstance(error, KeyboardInterrupt) and on_main_thread()
                if pressed and (self._exits or not _raised_by(others, error)):
                    for other in others:
                        quieten(other)
                    self._was_interrupted(task)  # so its error is not told again
                    raise
                self._exits.append(error)
            except BaseException as error:
                failed = error
                if on_main_thread():
                    self._exits.append(error)  # it may be a signal handler's
                elif (failures := failures + 1) > _FAILURES:
                    break
            if self._core.alone:
                raise RuntimeError("what unwinds has forked, and this is the child")
        if not task.done():
            # Its own methods fail, and nothing that is left on it can be run.
            unrun: Any = task.get_coro()
            unrun.close()
            left = users_tasks(self._loop) or getattr(self._loop, "_asyncgens", None)
            if failed is not None and left:
                report(self._loop, "the loop does not run, so what is left on it is lost", failed)
            return False
        if not task.cancelled() and (unfit := task.exception()) is not None:
            report(self._loop, "the loop could not be unwound", unfit)
            return False
        return True

    def _start(self, async_fn: Callable[[], Coroutine[Any, Any, object]]) -> "asyncio.Task[object]":
        task = _OwnTask(async_fn(), loop=self._loop)
        quieten(task)
        task.add_done_callback(lambda _: self._loop.stop())
        return task

    def _was_interrupted(self, task: "asyncio.Task[object]") -> bool:
        """Whether it has ended by one of the exits: a signal handler's, which came there."""
        error = None if not task.done() or task.cancelled() else task.exception()
        return any(error is one for one in self._exits)


def report(loop: asyncio.AbstractEventLoop, message: str, error: BaseException) -> None:
    """Tell the loop's exception handler what nobody else will hear of."""
    try:
        loop.call_exception_handler({"message": message, "exception": error})
    except BaseException:  # it is the user's
        logger.error(message, exc_info=error)


def note_named(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Whoever waited for these has left them behind, and has said so: once is enough."""
    _named.update(tasks)


def forget(task: "asyncio.Future[Any]") -> None:
    """It was named, and will not be again: not by us, nor by asyncio when it is collected."""
    _forgotten.add(task)
    quieten(task)


def quieten(task: "asyncio.Future[Any]") -> None:
    """Have asyncio say nothing of it when it is collected before its end."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def _raised_by(tasks: Iterable["asyncio.Task[Any]"], error: BaseException) -> bool:
    return any(task.done() and not task.cancelled() and task.exception() is error for task in tasks)


def leave(error: BaseException) -> None:
    """A callback that raises this: an exit leaves the loop then."""
    raise error
