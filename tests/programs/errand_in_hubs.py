"""Errands where threads are greenlets: `errand_in_hubs.py gevent|eventlet <what>`."""

import importlib
import sys

library = importlib.import_module(sys.argv[1])
importlib.import_module(f"{sys.argv[1]}.monkey").patch_all() if sys.argv[1] == "gevent" else (
    library.monkey_patch()
)

import asyncio  # noqa: E402  # patch first
import threading  # noqa: E402
import time  # noqa: E402

import sideloop  # noqa: E402

LONG = 60.0


def served() -> None:
    turned: list[str] = []

    async def ask() -> str:
        for _ in range(20):
            name = (await sideloop.run_on_caller(threading.current_thread)).name
        await sideloop.run_on_caller(time.sleep, 0.05)
        return name

    other = threading.Thread(target=lambda: turned.append("turned"))
    other.start()
    print(sideloop.run_sync(ask))
    other.join()
    print(*turned)


def bridged() -> None:
    """asgiref's thread-sensitive code below a bridge of its own, in one thread of several."""
    from asgiref.sync import async_to_sync, sync_to_async

    async def twice() -> list[int]:
        return [await sync_to_async(threading.get_ident)() for _ in range(2)]

    def call() -> bool:
        with sideloop.timeout(LONG / 3):
            return sideloop.run_sync(twice) == [threading.get_ident()] * 2

    async def main() -> bool:
        found: bool = await sync_to_async(call)()
        return found

    print(async_to_sync(main)())
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(async_to_sync(main)()))
    other.start()
    other.join()
    print(*found)


begun: list[bool] = []


async def ask_in_the_background() -> None:
    def errand() -> None:
        print("waiting", flush=True)
        begun.append(True)
        time.sleep(LONG)

    task = asyncio.create_task(sideloop.run_on_caller(errand))
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    finally:
        del task


def interrupted() -> None:
    try:
        sideloop.run_sync(ask_in_the_background)
    except KeyboardInterrupt:
        print("KeyboardInterrupt")


def killed() -> None:
    greenlet = library.spawn(sideloop.run_sync, ask_in_the_background)
    while not begun:
        library.sleep(0.01)
    greenlet.kill()
    while not greenlet.dead:
        library.sleep(0.01)
    print("dead")


def limited() -> None:
    def call() -> None:
        sideloop.run_sync(asyncio.sleep, 0)  # its loop is made, which may take longer than that
        limit = None
        try:
            with library.Timeout(1) as limit:
                sideloop.run_sync(ask_in_the_background)
        except library.Timeout as over:
            print(over is limit)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


globals()[sys.argv[2]]()
