"""Iterators and context managers in the face of signals, forks and the exit.

`views.py <what> <native, foreign or driven>`: says "waiting" when the signal may come.
"""

import asyncio
import gc
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import FrameType

import pytest
from blocking import block_for_ever

import sideloop

# A fork of a process with threads is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

manager = {
    "native": lambda: sideloop.LoopManager(),
    "foreign": lambda: sideloop.LoopManager(loop_factory=asyncio.new_event_loop),
    "driven": lambda: sideloop.LoopManager(drive="caller"),
}[sys.argv[2]]()

kept: list[object] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several threads do not mix


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        await asyncio.sleep(0)
        yield number


async def slow() -> AsyncGenerator[int, None]:
    try:
        yield 0
        say("waiting")
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.02)
        say("cleaned up")


@asynccontextmanager
async def opened() -> AsyncGenerator[str, None]:
    try:
        yield "opened"
    finally:
        await asyncio.sleep(0.02)
        say("closed")


def interrupted_step() -> None:
    """The generator unwinds, then KeyboardInterrupt comes, and all is over."""
    items = manager.synced(slow)()
    assert next(items) == 0
    try:
        next(items)
    except KeyboardInterrupt as error:
        say(f"KeyboardInterrupt because of {type(error.__cause__).__name__}")
    say(list(items))
    say(list(manager.synced(count)(3)))


def interrupted_body() -> None:
    """The block is interrupted: what it has entered exits."""
    try:
        with manager.enter(opened()):
            say("waiting")
            block_for_ever()
    except KeyboardInterrupt:
        say("KeyboardInterrupt")


def handler_iterates() -> None:
    """A signal handler iterates, up to 200 times a second, while the main thread does."""
    handled: list[list[int]] = []

    def handler(number: int, frame: FrameType | None) -> None:
        handled.append(list(manager.synced(count)(3)))
        # Anew each time: a handler that takes longer than until the next signal would never end.
        if len(handled) < 40:
            signal.setitimer(signal.ITIMER_REAL, 0.005)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    while len(handled) < 40:
        assert list(manager.synced(count)(500)) == list(range(500))
        assert sum(manager.iterate(count(500), read_ahead=10)) == 499 * 250
    say(all(items == [0, 1, 2] for items in handled))


def exits() -> None:
    """The interpreter exits with an iterator that is open and a block that is entered."""
    items, block = manager.synced(slow)(), manager.enter(opened())
    assert (next(items), block.__enter__()) == (0, "opened")
    kept.extend([items, block])


def forks() -> None:
    """The child gets an error for an iterator of the parent, which goes on with it."""
    items, block = manager.synced(count)(10), manager.enter(opened())
    assert [next(items), next(items)] == [0, 1]
    assert block.__enter__() == "opened"
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            in_the_child(items, block)
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    say(list(items))
    block.__exit__(None, None, None)


def in_the_child(items: "sideloop.SyncGenerator[int, None]", block: object) -> None:
    with pytest.raises(RuntimeError, match="was begun before the fork"):
        next(items)
    assert list(items) == []
    assert list(manager.synced(count)(3)) == [0, 1, 2]
    kept.clear()
    del items, block
    gc.collect()


def forks_while_another_thread_enters() -> None:
    """That thread is not in the child, and the child is told of the fork, not of the thread."""
    begun, free = threading.Event(), threading.Event()

    @asynccontextmanager
    async def slow() -> AsyncGenerator[None, None]:
        begun.set()
        while not free.is_set():
            await asyncio.sleep(0.005)
        yield

    async def slow_item(_: int) -> None:
        begun.set()
        while not free.is_set():
            await asyncio.sleep(0.005)

    async def slow_items() -> AsyncGenerator[None, None]:
        await slow_item(1)
        yield

    block, answers = manager.enter(slow()), manager.map(slow_item, [1])
    items = manager.synced(slow_items)()
    uses: tuple[tuple[Callable[[], object], Callable[[], object]], ...] = (
        (block.__enter__, lambda: block.__exit__(None, None, None)),
        (lambda: next(answers), lambda: next(answers)),
        (lambda: next(items), lambda: next(items)),
    )
    for inside, use in uses:
        begun.clear()
        free.clear()
        thread = threading.Thread(target=inside)
        thread.start()
        begun.wait()
        pid = os.fork()
        if pid == 0:
            try:
                use()
            except BaseException as error:
                say(f"child: {type(error).__name__} {'fork' in str(error)}")
            os._exit(0)
        os.waitpid(pid, 0)
        free.set()
        thread.join()
    block.__exit__(None, None, None)
    say("parent")


globals()[sys.argv[1]]()
