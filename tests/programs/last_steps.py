"""Calls in the last steps of a thread. `last_steps.py <what> <again|first>`.

The destructor of a pthread key runs after those of thread-local variables.
"""

import asyncio
import contextlib
import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import sideloop

driving = sideloop.LoopManager(drive="caller")
runner = sideloop.Runner()
driven = sideloop.Runner(drive="caller")
left: list[asyncio.Future[None]] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def leave_one() -> int:
    left.append(asyncio.ensure_future(asyncio.sleep(3600)))
    return await answer()


async def items() -> Any:
    yield 42


@contextlib.asynccontextmanager
async def entered() -> Any:
    yield 42


def nested() -> int:
    async def outer() -> int:
        return sideloop.run_sync(answer)

    return sideloop.run_sync(outer)


def with_a_limit() -> int:
    with sideloop.timeout(10):
        return sideloop.run_sync(answer)


def enter() -> int:
    with sideloop.enter(entered()) as found:
        return int(found)


WAYS: dict[str, Callable[[], object]] = {
    "run_sync": lambda: sideloop.run_sync(answer),
    "nested": nested,
    "with_a_limit": with_a_limit,
    "driving": lambda: driving.run_sync(answer),
    "driving_and_leaving_a_task": lambda: driving.run_sync(leave_one),
    "run": lambda: runner.run(answer),
    "driven": lambda: driven.run(answer),
    "submit": lambda: runner.submit(answer).result(10),
    "iterate": lambda: next(iter(sideloop.iterate(items()))),
    "enter": enter,
    "close": lambda: (driving.run_sync(answer), driving.close())[0],
}

over = threading.Event()


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def at_the_end(_: object) -> None:
    try:
        say(WAYS[sys.argv[1]]())
    except RuntimeError as error:
        say(f"RuntimeError: {error}")
    over.set()


def work() -> None:
    if sys.argv[2] == "again":  # so that all of the thread's storage is there, and then is not
        WAYS[sys.argv[1]]()
    libc.pthread_setspecific(key, ctypes.c_void_p(1))


key = ctypes.c_uint()
libc = ctypes.CDLL(None)
libc.pthread_key_create(ctypes.byref(key), at_the_end)
thread = threading.Thread(target=work)
thread.start()
thread.join()
over.wait(20)
# The end of the thread's loop cancels it, after that.
end = time.monotonic() + 20
while not all(one.cancelled() for one in left):
    if time.monotonic() > end:
        say(left)
        break
    time.sleep(0.001)
say(sideloop.run_sync(answer))
