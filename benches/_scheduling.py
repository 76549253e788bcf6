"""Scheduling work: callbacks, turns, tasks and timers. What a piece of work is: see `_work.py`."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

clock = time.perf_counter_ns


async def call_soon_chain(n: int) -> int:
    """Call callbacks, each of which schedules the next."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    left = n

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            ended.set_result(None)

    begin = clock()
    loop.call_soon(step)
    await ended
    return clock() - begin


AT_ONCE = 1000


async def call_soon_batch(n: int) -> int:
    """Call callbacks that are scheduled at once."""
    loop = asyncio.get_running_loop()

    async def batch() -> None:
        ended = loop.create_future()
        called = 0

        def call() -> None:
            nonlocal called
            called += 1

        for _ in range(AT_ONCE - 1):
            loop.call_soon(call)
        loop.call_soon(ended.set_result, None)
        await ended
        if called != AT_ONCE - 1:
            raise RuntimeError(f"{called} of {AT_ONCE - 1} callbacks ran before the one after them")

    begin = clock()
    for _ in range(max(1, n // AT_ONCE)):
        await batch()
    return clock() - begin


async def _turns(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def sleep(n: int) -> int:
    """Give the loop a turn from one task."""
    begin = clock()
    await _turns(n)
    return clock() - begin


TASKS = 100


async def tasks_sleep(n: int) -> int:
    """Give the loop a turn from many tasks."""
    tasks = [asyncio.create_task(_turns(max(1, n // TASKS))) for _ in range(TASKS)]
    begin = clock()
    await asyncio.gather(*tasks)
    return clock() - begin


async def _empty() -> None:
    pass


async def create_task(n: int) -> int:
    """Make a task of an empty coroutine and await it."""
    create_task = asyncio.get_running_loop().create_task
    begin = clock()
    for _ in range(n):
        await create_task(_empty())
    return clock() - begin


# 1 to 3 ms, in an order that leaves a heap something to do. Not below 1 ms: uvloop rounds to
# milliseconds, and a delay of 0 is a call_soon there.
DELAYS = [0.001 + 0.002 * (index * 617 % AT_ONCE) / AT_ONCE for index in range(AT_ONCE)]
DUE = 5_000_000


def _block(nanoseconds: int) -> None:
    """Keep the loop from running. Not with a sleep, after which the CPU would be cold."""
    end = clock() + nanoseconds
    while clock() < end:
        pass


async def timers(n: int) -> int:
    """Schedule timers, let them come due while the loop cannot run, and let them fire.

    So the waiting, which costs every loop the same, is not in the figure, and neither is the
    coarseness of a loop's clock.
    """
    loop = asyncio.get_running_loop()

    async def batch() -> int:
        ended = loop.create_future()
        left = AT_ONCE

        def fire() -> None:
            nonlocal left
            left -= 1
            if not left:
                ended.set_result(None)

        begin = clock()
        for delay in DELAYS:
            loop.call_later(delay, fire)
        scheduled = clock()
        _block(DUE)
        resumed = clock()
        await ended
        return clock() - resumed + scheduled - begin

    return sum([await batch() for _ in range(max(1, n // AT_ONCE))])


LIMIT = 0.05
LIMITS_A_TURN = 100

# asyncio.timeout is what users write from 3.11 on, and asyncio.wait_for before.
if sys.version_info >= (3, 11):
    TIME_LIMIT = "asyncio.timeout"

    async def _limited() -> None:
        async with asyncio.timeout(LIMIT):
            await _empty()

else:
    TIME_LIMIT = "asyncio.wait_for"

    async def _limited() -> None:
        # The machine may stop for longer than the limit; the figure shows it.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_empty(), LIMIT)


async def _in_turns(set_limits: Callable[[int], Awaitable[None]], n: int) -> int:
    """Set time limits that are not reached, and put what is left of them away.

    The loop gets a turn now and then, as it does wherever something is waited for, and two more,
    in the figure, when the last limit is past: rloop keeps a cancelled timer until it would have
    been due, and without those turns would put it away in another work's time.
    """
    begin = clock()
    for _ in range(max(1, n // LIMITS_A_TURN)):
        await set_limits(LIMITS_A_TURN)
        await asyncio.sleep(0)
    blocked = clock()
    _block(int(LIMIT * 1.1e9))
    resumed = clock()
    await _turns(2)
    return clock() - resumed + blocked - begin


async def cancelled_timers(n: int) -> int:
    """Schedule timers and cancel them."""
    loop = asyncio.get_running_loop()

    def never() -> None:
        raise RuntimeError("a timer fired that was cancelled before it was due")

    async def set_limits(count: int) -> None:
        for _ in range(count):
            loop.call_later(LIMIT, never).cancel()

    return await _in_turns(set_limits, n)


async def timeouts(n: int) -> int:
    """Run code within a time limit that is not reached."""

    async def set_limits(count: int) -> None:
        for _ in range(count):
            await _limited()

    return await _in_turns(set_limits, n)


async def threadsafe(n: int) -> int:
    """Schedule callbacks from another thread, as fast as it can."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    begin = end = 0
    left = n

    def call() -> None:
        nonlocal left, end
        left -= 1
        if not left:
            end = clock()
            ended.set_result(None)

    def schedule() -> None:
        nonlocal begin
        begin = clock()
        for _ in range(n):
            loop.call_soon_threadsafe(call)

    thread = threading.Thread(target=schedule)
    thread.start()
    await ended
    thread.join()
    return end - begin
