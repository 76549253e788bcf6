"""A child process that leaves things on its loop: `children.py <library>|pool <how>`."""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any

import sideloop

library, how = sys.argv[1:3]
kept: list[object] = []


async def background() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up", flush=True)


async def items() -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        await asyncio.sleep(0.01)
        print("closed a generator", flush=True)


async def stubborn() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


async def leave() -> None:
    kept.append(asyncio.create_task(background()))
    generator = items()
    await anext(generator)
    kept.append(generator)
    if how == "leaves a stubborn task":
        kept.append(asyncio.create_task(stubborn()))
    await asyncio.sleep(0)


async def finish() -> None:
    await asyncio.sleep(0.5)
    print("finished", flush=True)


def work(*_: object) -> int:
    manager = sideloop.LoopManager(grace=1)
    kept.append(manager)
    if how == "has a thread in a call":
        threading.Thread(target=manager.run_sync, args=(finish,)).start()
        return os.getpid()
    manager.run_sync(leave)
    if how == "raises":
        raise LookupError
    if how == "exits":
        sys.exit(3)
    if how == "exits for SIGTERM":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    return os.getpid()


if __name__ == "__main__":
    if library == "pool":
        pool_module: Any = importlib.import_module("billiard.pool")
        pool = pool_module.Pool(1)
        pid = pool.apply(work)
        if how == "is closed":
            pool.close()
            pool.join()
        else:
            # Another worker, forked as this process ends, would keep its output open.
            pool._repopulate_pool = lambda *_: None
            os.kill(pid, signal.SIGTERM)
            while any(worker.pid == pid for worker in pool._pool):
                time.sleep(0.01)
            # The pool sends its worker a second signal, as that leaves the lock of the answers,
            # which may stay locked then: it could not be terminated.
            os._exit(0)
    else:
        package: Any = importlib.import_module(library)
        child = package.get_context("fork").Process(target=work)
        child.start()
        child.join()
