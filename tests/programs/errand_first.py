"""The first errand of a process, asked for in what had begun before: `errand_first.py <what>`."""

import asyncio
import contextvars
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sideloop


async def who() -> str:
    return (await sideloop.run_on_caller(threading.current_thread)).name


async def later() -> str:
    await asyncio.sleep(0.001)
    return await who()


async def own_then_child() -> str:
    return f"{await later()} {await asyncio.create_task(later())}"


async def child() -> str:
    try:
        return await asyncio.create_task(later())
    except RuntimeError as error:
        return str(error)


def by_a_call() -> str:
    return sideloop.run_sync(own_then_child)


async def gathered() -> str:
    thread = threading.current_thread
    both = [sideloop.run_on_caller(thread), sideloop.run_on_caller(thread)]
    return " ".join(found.name for found in await asyncio.gather(*both))


def by_gathered_ones() -> str:
    return sideloop.run_sync(gathered)


def by_a_guest() -> str:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        return sideloop.run_on(loop, own_then_child)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def by_a_driver() -> str:
    loop = asyncio.new_event_loop()
    try:
        return sideloop.drive(loop, own_then_child)
    finally:
        loop.close()


def by_a_map() -> str:
    async def item(_: int) -> str:
        return await own_then_child()

    return " ".join(set(sideloop.map(item, range(6), limit=2)))


def by_reading_ahead() -> str:
    async def items() -> AsyncGenerator[str, None]:
        for _ in range(4):
            yield await own_then_child()

    return " ".join(set(sideloop.iterate(items(), read_ahead=2)))


def by_a_context_manager() -> str:
    @asynccontextmanager
    async def entered() -> AsyncIterator[str]:
        yield await own_then_child()

    with sideloop.enter(entered()) as found:
        return found


def by_a_child() -> str:
    return f"{sideloop.run_sync(child)}\n{sideloop.run_sync(child)}"


def marks() -> str:
    """What calls find in their contexts, before the look-up and after it."""

    async def look() -> list[str]:
        return [variable.name for variable in contextvars.copy_context()]

    async def look_from_an_item(_: int) -> list[str]:
        return await look()

    def all_of_them() -> list[Any]:
        return [sideloop.run_sync(look), *sideloop.map(look_from_an_item, [1])]

    before = all_of_them()
    assert "run_on_caller" in dir(sideloop)
    assert all_of_them() == before
    from sideloop import run_on_caller as run_on_caller

    return f"{before} {all_of_them()}"


print(globals()[sys.argv[1]]())
