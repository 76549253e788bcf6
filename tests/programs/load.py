"""Very many calls, which must all be answered rightly and leave nothing.

`load.py <what> <kind of loop> <count>`.
"""

import asyncio
import ctypes
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

# The allocator keeps some of what was freed.
MEMORY = 8 * 2**20

# A call may leave less than this, and caches fill up: a leak of fifty bytes a call is more.
BYTES, SLACK = 20, 2**17

# A call leaves no block of Python's allocator, but one in fifty may.
BLOCKS = 0.02

ROUNDS = 3

PAGE = os.sysconf("SC_PAGE_SIZE")


async def add(a: int, b: int) -> int:
    return a + b


async def add_later(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def count_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


NUMBERS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in NUMBERS.split()]


def allocated_by_c() -> int:
    """Bytes in use of what C and Rust have allocated; 0 where there is no mallinfo2."""
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return 0
    mallinfo.restype = Mallinfo
    found = mallinfo()
    return int(found.uordblks + found.hblkhd)


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
        self.blocks = sys.getallocatedblocks()
        self.heap = allocated_by_c()
        self.memory = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE

    def check(self, before: "Resources", calls: int) -> None:
        """See that nothing has grown."""
        blocks, heap = self.blocks - before.blocks, self.heap - before.heap
        assert blocks <= 500 + BLOCKS * calls, (calls, blocks)
        assert heap <= SLACK + BYTES * calls, (calls, heap)
        assert self.threads <= before.threads, (before.threads, self.threads)
        assert self.files <= before.files, (before.files, self.files)
        assert self.objects <= before.objects + 100, (before.objects, self.objects)
        assert self.memory <= before.memory + MEMORY, (before.memory, self.memory)


def grow_nothing(work: Callable[[int], None], count: int) -> None:
    """Do it, and see that what the first tenth has taken is enough for all.

    What grows in every round is a leak. In one it may be a cache, or threads of the system
    that end late.
    """
    for number in range(count // 10):
        work(number)
    grown: list[AssertionError] = []
    while len(grown) < ROUNDS:
        before = Resources()
        for number in range(count // 10, count):
            work(number)
        try:
            Resources().check(before, count - count // 10)
        except AssertionError as error:
            grown.append(error)
        else:
            return
    raise grown[0]


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


def leak_by_python() -> None:
    """What must be found: an object that each call leaves."""
    kept: list[bytes] = []

    def one(number: int) -> None:
        manager.run_sync(add, number, b=1)
        kept.append(b"%17d" % number)

    grow_nothing(one, COUNT)


def leak_by_c() -> None:
    """What must be found: fifty bytes that each call leaves."""
    malloc = ctypes.CDLL(None).malloc

    def one(number: int) -> None:
        manager.run_sync(add, number, b=1)
        malloc(ctypes.c_size_t(50))

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
