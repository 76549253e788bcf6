"""One allocation fails, each in turn, in a process of its own: prints which of them abort it."""

import _testcapi  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]
import asyncio
import os
import signal
import sys
import warnings
from collections.abc import AsyncGenerator, Callable

import sideloop

warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

HOW_MANY = 20
"""Allocations of a call, about."""


async def items() -> AsyncGenerator[int, None]:
    yield 1


def call_in(runner: sideloop.Runner, entry: str) -> Callable[[], object]:
    if entry == "iterate":
        return lambda: list(runner.iterate(items()))
    if entry == "enter":
        return lambda: runner.enter(asyncio.Lock()).__enter__()
    if entry == "submit":
        return lambda: runner.submit(asyncio.sleep, 0).result(3)
    return lambda: runner.run(asyncio.sleep, 0)


def aborts(call: Callable[[], object], number: int) -> bool:
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(5)
        call()
        try:
            _testcapi.set_nomemory(number, number + 1)
            call()
        except BaseException:
            pass
        finally:
            _testcapi.remove_mem_hooks()
        os._exit(0)
    return os.waitpid(child, 0)[1] & 127 == signal.SIGABRT


drive, entry = sys.argv[1:]
runner = sideloop.Runner(drive="caller" if drive == "caller" else "thread")
call = call_in(runner, entry)
for _ in range(3):
    call()
print([number for number in range(HOW_MANY) if aborts(call, number)])
