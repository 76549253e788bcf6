"""A process in which loops are made as on another system: what calls come to there."""

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator

import sideloop
from sideloop import LoopManager, Runner, run_sync, synced

MANY = 200


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def numbers() -> AsyncIterator[int]:
    for number in range(3):
        yield await add(number, 1)


async def nested() -> int:
    return run_sync(add, 20, 2)


async def echo() -> bytes:
    """Both ends of a socket on the loop."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    other, answer = await asyncio.open_connection(sock=theirs)
    writer.write(b"ping")
    answer.write((await other.readexactly(4)).upper())
    said = await reader.readexactly(4)
    writer.close()
    answer.close()
    return said


async def never() -> None:
    await asyncio.Event().wait()


def kind() -> None:
    """Whose loops there are, for threads and for callers."""

    async def own() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    for drive in ("thread", "caller"):
        with LoopManager(drive=drive) as manager:
            loop = manager.run_sync(own)
            ours = isinstance(loop, sideloop.EventLoop)
            print(drive, "ours" if ours else "asyncio's", getattr(loop, "_hears_bell", False))


def calls() -> None:
    """Calls, from many threads, of both drives."""
    for drive in ("thread", "caller"):
        with LoopManager(drive=drive) as manager:

            def many(manager: LoopManager = manager) -> None:
                assert [manager.run_sync(add, n, 1) for n in range(MANY)] == [*range(1, MANY + 1)]

            threads = [threading.Thread(target=many) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(drive, manager.run_sync(echo), list(manager.iterate(numbers())))


def ways() -> None:
    """Nested, of a twin, submitted, in a map, limited, cancelled."""
    print(run_sync(nested), synced(add)(1, 2), sorted(sideloop.loop_manager.map(double, range(4))))
    with Runner(name="submits") as runner:
        futures = [runner.submit(add, n, n) for n in range(MANY)]
        print(sum(future.result() for future in futures))
        waits = runner.submit(never)
        waits.cancel()
    for drive in ("thread", "caller"):
        with LoopManager(drive=drive) as manager, sideloop.timeout(0.05):
            try:
                manager.run_sync(never)
            except TimeoutError:
                print(drive, "in time")


async def double(number: int) -> int:
    return number * 2


running: list[asyncio.Future[None]] = []
"""A loop has only weak references to its tasks."""


def left() -> None:
    """At the exit a task is still there."""

    async def begin() -> None:
        running.append(asyncio.ensure_future(clean_up()))
        await asyncio.sleep(0)

    async def clean_up() -> None:
        try:
            await never()
        finally:
            print("cleaned up")

    run_sync(begin)


{"kind": kind, "calls": calls, "ways": ways, "left": left}[sys.argv[1]]()
