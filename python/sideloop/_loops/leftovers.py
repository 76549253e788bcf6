"""What is left on a loop that ends: which of its tasks are to be cancelled, and when.

A cancellation that reaches a task which unwinds already cuts its cleanup off. So such a task is
left to itself, and who would pass a cancellation on to it is cancelled after it. The tasks of calls
come first, and those with task groups: what they have started, they cancel by themselves.
"""

import asyncio
import gc
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from sideloop._base.signals import raise_a_handlers
from sideloop._sideloop import RunnerCore

Task = asyncio.Task[Any]

LAST_SECONDS = 0.5
"""How long a task has that hears of it only when the grace is over."""

_TURNS = 2
"""How many turns of the loop a task has to cancel what it has started."""

_TASKS_TELL = hasattr(asyncio.Task, "cancelling")
"""Since CPython 3.11 tasks know that they were cancelled."""

_cancelled: "weakref.WeakSet[Task]" = weakref.WeakSet()
"""Where they do not: those that were cancelled since their loop ends."""


class Leftovers:
    """These tasks of a loop, until they have ended.

    `cancel` cancels each of some tasks, whatever the others raise.
    """

    def __init__(
        self, core: RunnerCore, tasks: Iterable[Task], cancel: Callable[[set[Task]], object]
    ) -> None:
        self._core = core
        self._tasks = set(tasks)
        self._cancel = cancel
        self._told: set[Task] = set()
        self.told = False
        """Whether they have heard, and have had a turn to begin to unwind."""

    def pending(self) -> set[Task]:
        """Those that have not ended."""
        return {task for task in self._tasks if not task.done()}

    async def unwind(self, grace: float) -> None:
        """Cancel each once, in its turn, and wait until all have ended, or for the grace.

        When that is over, those that were cancelled by others, or were not for what they did, are
        cancelled, too: they may have swallowed it, or may never end.
        """
        end = time.monotonic() + grace
        pending = self.pending()
        unwinding = self._unwinding(pending)
        _, resting, running = self._core.leftovers()
        called = pending.intersection([*resting, *running]) - unwinding
        called -= _held(pending, unwinding).keys()
        self._tell(called)
        for _ in range(_TURNS if called else 0):
            await asyncio.sleep(0)
        while (pending := self.pending()) and (left := end - time.monotonic()) > 0:
            unwinding = self._unwinding(pending)
            held = _held(pending, unwinding)
            self._tell(pending - unwinding - held.keys())
            await asyncio.sleep(0)
            self.told = True
            if held:
                awaited = {task for held_by in held.values() for task in held_by}
                await asyncio.wait(awaited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.wait(pending, timeout=left)
        if (pending := self.pending()) - self._told:
            self._tell(pending - self._told)
            await asyncio.wait(pending, timeout=LAST_SECONDS)

    def _tell(self, tasks: set[Task]) -> None:
        self._told |= tasks
        if not _TASKS_TELL:
            _cancelled.update(tasks)
        self._cancel(tasks)

    def _unwinding(self, pending: set[Task]) -> set[Task]:
        """Those that clean up already, as far as can be told."""
        unwinding, resting, _ = (set(tasks) for tasks in self._core.leftovers())
        # A host that rests may have been cancelled before, and have gone on.
        cancelled = {task for task in pending - resting if _was_cancelled(task)}
        return pending & (self._told | unwinding | cancelled)


def _was_cancelled(task: Task) -> bool:
    if task in _cancelled:
        return True
    try:
        if (cancelling := getattr(task, "cancelling", None)) is not None:
            return bool(cancelling() > 0)
        return handles_cancellation(task.get_coro())
    except Exception as error:  # a task of somebody's own class
        raise_a_handlers(error)
        return False


def handles_cancellation(coro: object) -> bool:
    """Whether it awaits something while it handles a CancelledError, at any depth.

    Before CPython 3.11 tasks do not say that they were cancelled. But what a coroutine handles, it
    shows to the collector.
    """
    while coro is not None:
        referents: list[Any] = gc.get_referents(coro)
        if any(isinstance(held, asyncio.CancelledError) for held in referents):
            return True
        awaited: Any = next(filter(None, (getattr(coro, name, None) for name in _AWAITED)), None)
        if not isinstance(coro, _OF_PYTHON):
            # A step of an asynchronous generator: CPython's own tells nobody what it awaits, and a
            # host what that awaits.
            stepped = (held for held in referents if isinstance(held, _STEPPED))
            awaited = next(stepped, awaited)
        coro = awaited
    return False


_STEPPED: Any = AsyncGeneratorType

_OF_PYTHON: Any = (CoroutineType, GeneratorType, AsyncGeneratorType)

_AWAITED = ("cr_await", "ag_await", "gi_yieldfrom")


def _held(pending: set[Task], unwinding: set[Task]) -> dict[Task, set[Task]]:
    """Those that are not cancelled yet, and have to wait for others: for which ones."""
    return {
        task: held_by
        for task in pending - unwinding
        if (held_by := _holders(task, unwinding, pending))
    }


def _holders(task: Task, unwinding: set[Task], pending: set[Task]) -> set[Task]:
    """Those that have to end first, before this task is cancelled."""
    unwinds = {id(one): one for one in unwinding}
    try:
        awaited = {unwinds[id(one)] for one in _awaited(task) if id(one) in unwinds}
        return awaited | {parent for parent in _parents(task) if parent in pending}
    except Exception as error:  # a future of somebody's own class
        raise_a_handlers(error)
        return set()


def _awaited(task: Task) -> Iterator[object]:
    """Whatever is cancelled with this task: what it awaits, and what that awaits."""
    waiters: list[object] = [task]
    seen = {id(task)}
    while waiters:
        waiter = waiters.pop()
        found = [getattr(waiter, "_fut_waiter", None), *(getattr(waiter, "_children", None) or ())]
        for one in found:
            if one is not None and id(one) not in seen:
                seen.add(id(one))
                waiters.append(one)
                yield one


def _parents(task: Task) -> Iterator[Task]:
    """Whoever cancels it when it is cancelled itself: the task that has its task group."""
    group_class = getattr(asyncio, "TaskGroup", None)
    if group_class is None:
        return
    for callback, _ in getattr(task, "_callbacks", None) or ():
        group: Any = getattr(callback, "__self__", None)
        if isinstance(group, group_class) and (parent := getattr(group, "_parent_task", None)):
            yield parent
