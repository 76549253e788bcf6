"""pytest fixtures that fail a test which leaks a runner, a task or a call.

A pytest plugin, which pytest finds where sideloop is installed. It does nothing by itself: ask for
`sideloop_no_leaks` in a test, with `pytest.mark.usefixtures` for a class or module, or for every
test with a fixture in conftest.py:

    @pytest.fixture(autouse=True)
    def no_leaks(sideloop_no_leaks):
        pass

When a test ends, what it has left has three seconds to end by itself. What is there then fails the
test at its teardown, by name, and is cancelled or closed, so that no other test is blamed for it.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TypeVar

import pytest

import sideloop
from sideloop._base.soon import call_soon
from sideloop._base.stack import await_chain, thread_name
from sideloop._loops.loop import Loop, live
from sideloop._loops.unwind import users_tasks
from sideloop._runners.runner import loop_of

Task = asyncio.Future[object]
K = TypeVar("K")

PATIENCE = 3.0
"""How many seconds what a test has left may take to end by itself."""


@pytest.fixture
def sideloop_no_leaks(
    sideloop_no_leaked_runners: None,
    sideloop_no_leaked_tasks: None,
    sideloop_no_leaked_calls: None,
) -> None:
    """The test leaks no runner, no task and no call."""


@pytest.fixture
def sideloop_no_leaked_runners(
    sideloop_kept_managers: Iterable[sideloop.LoopManager],
) -> Generator[None]:
    """The test closes every runner that it has started: a `Runner`, or those of a `LoopManager`."""

    def find() -> dict[Loop, str]:
        kept = {
            loop_of(runner).found
            for manager in sideloop_kept_managers
            for runner in manager.runners()
        }
        return {
            loop: f"runner {loop.core.name!r}"
            for loop in list(live)
            if loop not in kept and not loop.core.stopping and not loop.loop.is_closed()
        }

    yield from _check(find, "close them, or the manager that has made them", _stop)


@pytest.fixture
def sideloop_no_leaked_tasks() -> Generator[None]:
    """The test leaves no task on the loop of any runner, but for those of calls."""

    def find() -> dict[Task, str]:
        return {
            task: _told(f"task {task.get_name()!r} on runner {loop.core.name!r}", task)
            for loop in list(live)
            for task in users_tasks(loop.loop) - set(_called(loop))
        }

    yield from _check(find, "await them, or cancel them and await that", _cancel)


@pytest.fixture
def sideloop_no_leaked_calls() -> Generator[None]:
    """When the test ends, so have its calls, also those of its threads."""

    def find() -> dict[Task, str]:
        return {
            task: _told(f"{call} on runner {loop.core.name!r}", task)
            for loop in list(live)
            for task, call in _called(loop).items()
        }

    yield from _check(find, "join the threads that call, and limit their calls", _cancel)


@pytest.fixture(scope="session")
def sideloop_kept_managers() -> list[sideloop.LoopManager]:
    """Managers whose runners may stay. Override it, if there are others than the default one."""
    return [sideloop.loop_manager]


def _check(
    find: Callable[[], Mapping[K, str]], remedy: str, end: Callable[[K], object]
) -> Generator[None]:
    """Fail, after the test, with what is found then and was not there before."""
    before = set(find())
    yield

    def left_in_the_end() -> dict[K, str]:
        limit = time.monotonic() + PATIENCE
        while True:
            left = {one: said for one, said in find().items() if one not in before}
            if not left or time.monotonic() > limit:
                return left
            time.sleep(0.002)

    left = left_in_the_end()
    if left:
        for one in left:
            end(one)
        left_in_the_end()
        listed = "\n".join(left.values())
        pytest.fail(f"the test leaks what follows; {remedy}\n{listed}", pytrace=False)


def _called(loop: Loop) -> dict[Task, str]:
    """The tasks of calls, and what they are."""
    return {
        task: f"{name}, called by thread {thread_name(caller)!r},"
        for name, task, caller, _ in loop.core.running_calls()
        if task is not None
    }


def _told(what: str, task: Task) -> str:
    return "\n  ".join([what, *await_chain(task)])


def _stop(loop: Loop) -> None:
    loop.ask_stop()


def _cancel(task: Task) -> None:
    call_soon(task.get_loop(), task.cancel)
