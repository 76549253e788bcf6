"""A signal comes while the main thread waits, and what it waits for ends before it has looked.

`interrupted_end.py <what> <drive>`: says how often the handler's exception came out, which blocks
were still entered then, and what the next call returns.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from types import FrameType
from typing import Any

from sideloop import LoopManager, Runner

ROUNDS = 20
SIGNAL, END = 0.002, 0.006  # in seconds; the main thread looks less often than that

drive: Any = sys.argv[2]
manager = LoopManager(drive=drive)
bringer = LoopManager(drive=drive, copy_context_back=True)
runner = Runner(drive=drive)
left = 0


class TickError(Exception):
    """What the handler raises."""


def tick(number: int, frame: FrameType | None) -> None:
    raise TickError


async def work(value: int = 1) -> int:
    await asyncio.sleep(END)
    return value


async def one_item() -> AsyncGenerator[int, None]:
    yield 1
    await asyncio.sleep(END)


async def late_item() -> AsyncGenerator[int, None]:
    await asyncio.sleep(END)
    yield 1


@contextlib.asynccontextmanager
async def slow_to_enter() -> AsyncGenerator[None, None]:
    global left
    await asyncio.sleep(END)
    left -= 1
    try:
        yield
    finally:
        left += 1


@contextlib.asynccontextmanager
async def slow_to_exit() -> AsyncGenerator[None, None]:
    yield
    await asyncio.sleep(END)


class Client:
    async def get(self) -> int:
        return await work()

    async def items(self) -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(END)


client: Any = manager.synced(Client)()


def enters(view: Any) -> None:
    with view:
        pass


def held(items: Iterator[object]) -> Iterator[object]:
    for _ in items:
        pass
    return items


ACTS: dict[str, Callable[[], object]] = {
    "call": lambda: manager.run_sync(work),
    "call_of_a_bringer": lambda: bringer.run_sync(work),
    "call_of_a_runner": lambda: runner.run(work),
    "twin": lambda: client.get(),
    "last_item": lambda: list(manager.iterate(one_item())),
    "last_item_held": lambda: held(runner.iterate(one_item())),
    "last_item_of_a_twin": lambda: list(client.items()),
    "last_item_ahead": lambda: list(manager.iterate(one_item(), read_ahead=2)),
    "next": lambda: next(manager.iterate(late_item())),
    "enter": lambda: enters(manager.enter(slow_to_enter())),
    "enter_of_a_bringer": lambda: enters(bringer.enter(slow_to_enter())),
    "exit": lambda: enters(runner.enter(slow_to_exit())),
    "map": lambda: list(manager.map(work, range(2))),
}

act = ACTS[sys.argv[1]]
with contextlib.suppress(Exception):
    act()  # makes the loop
signal.signal(signal.SIGALRM, tick)
heard = 0
unclean = 0


def note_unraisable(unraisable: Any) -> None:
    """asyncio's own set of tasks: what a handler raises in its callback nobody can be told."""
    global heard
    if getattr(unraisable.object, "__qualname__", "") == "WeakSet.__init__.<locals>._remove":
        heard += 1
    else:
        sys.__unraisablehook__(unraisable)


sys.unraisablehook = note_unraisable
for _ in range(ROUNDS):
    try:
        signal.setitimer(signal.ITIMER_REAL, SIGNAL)
        act()
    except TickError:
        heard += 1
        unclean += left != 0
gc.collect()
print(f"{heard} of {ROUNDS} heard, {unclean} left inside", manager.run_sync(work, 42))
