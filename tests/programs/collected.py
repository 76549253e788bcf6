"""Garbage is collected at each allocation in turn, while a context is copied or written to.

Its finalizer writes to that context. `copied` and `set` are CPython's own, to show that it is not
ours: before 3.12 they crash.
"""

import asyncio
import contextvars
import gc
import sys
from collections.abc import AsyncIterator, Callable

import sideloop

ALLOCATIONS = 80

VARIABLES = [contextvars.ContextVar[object](f"variable {number}") for number in range(20)]


class Garbage:
    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for variable in VARIABLES[:3]:
            variable.set(object())
        with sideloop.timeout(5):
            pass


async def answer() -> int:
    return 22


async def items() -> AsyncIterator[int]:
    yield 22


def limited() -> None:
    with sideloop.timeout(5):
        pass


def in_callbacks() -> None:
    """On a loop of ours, which copies a context for each."""
    driven.run(callbacks)


async def callbacks() -> None:
    loop = asyncio.get_running_loop()
    for put in (loop.call_soon, loop.call_soon_threadsafe):
        put(len, ())
    loop.call_later(0, len, ())


def kept() -> None:
    with sideloop.LoopManager(drive="caller", copy_context_back=True) as manager:
        assert manager.run_sync(setting) == 22


async def setting() -> int:
    VARIABLES[5].set(object())
    return 22


driven = sideloop.Runner(drive="caller")
threaded = sideloop.Runner()
WAYS: dict[str, Callable[[], object]] = {
    "limit": limited,
    "driven": lambda: driven.run(answer),
    "threaded": lambda: threaded.run(answer),
    "submitted": lambda: threaded.submit(answer).result(60),
    "iterated": lambda: list(driven.iterate(items())),
    "callbacks": in_callbacks,
    "brought_back": kept,
    "copied": contextvars.copy_context,
    "set": lambda: VARIABLES[7].set(object()),
}


def main(way: str) -> None:
    act = WAYS[way]
    for variable in VARIABLES:
        variable.set(object())
    act()
    for count in range(1, ALLOCATIONS):
        gc.collect()
        gc.disable()
        Garbage()
        gc.set_threshold(count)
        gc.enable()
        act()
    gc.set_threshold(700)
    print("ok")


main(sys.argv[1])
