"""Very many calls, which must all be answered rightly and leave nothing.

`load.py <what> <kind of loop> <count>`.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kinds import loop_factory

import sideloop

COUNT = int(sys.argv[3])
FACTORY = loop_factory(sys.argv[2])
manager = sideloop.LoopManager(loop_factory=FACTORY)
shared = sideloop.LoopManager(loop_factory=FACTORY, scope="process")

# The allocator keeps some of what was freed; a leak of a few bytes a call is more.
MEMORY = 8 * 2**20

PAGE = os.sysconf("SC_PAGE_SIZE")


async def add(a: int, b: int) -> int:
    return a + b


async def add_later(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def count_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


class Resources:
    """What the process has now."""

    def __init__(self) -> None:
        gc.collect()
        # For the system a thread that was joined lives on for some moments.
        while count_threads() > threading.active_count():
            time.sleep(0.001)
        self.threads = count_threads()
        self.files = len(list(Path("/proc/self/fd").iterdir()))
        self.objects = len(gc.get_objects())
        self.memory = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE

    def check(self, before: "Resources") -> None:
        """See that nothing has grown."""
        assert self.threads <= before.threads, (before.threads, self.threads)
        assert self.files <= before.files, (before.files, self.files)
        assert self.objects <= before.objects + 100, (before.objects, self.objects)
        assert self.memory <= before.memory + MEMORY, (before.memory, self.memory)


def grow_nothing(work: Callable[[int], None], count: int) -> None:
    """Do it, and see that what the first tenth has taken is enough for all."""
    for number in range(count // 10):
        work(number)
    before = Resources()
    for number in range(count // 10, count):
        work(number)
    Resources().check(before)


def short_threads() -> None:
    """Threads of one call each."""

    def one(number: int) -> None:
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(manager.run_sync(add, number, b=1)))
        thread.start()
        thread.join()
        assert answers == [number + 1]

    grow_nothing(one, COUNT)


def one_thread() -> None:
    """Calls of one thread, with and without a turn of the loop."""

    def one(number: int) -> None:
        assert manager.run_sync(add if number % 2 else add_later, number, b=1) == number + 1

    grow_nothing(one, COUNT)


def many_threads() -> None:
    """64 threads that call at once, on loops of their own and on one for all."""
    wrong: list[object] = []
    together = threading.Barrier(64)

    def call(run: Callable[..., int], thread: int) -> None:
        together.wait(20)
        for number in range(COUNT):
            answer = run(add if number % 2 else add_later, thread << 32, b=number)
            if answer != (thread << 32) + number:
                wrong.append((thread, number, answer))

    for run in (manager.run_sync, shared.run_sync):
        threads = [threading.Thread(target=call, args=(run, number)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


globals()[sys.argv[1]]()
print("all right")
