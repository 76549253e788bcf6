"""Errands, and what becomes of a process meanwhile: `errand.py <what> [drive]`."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import sideloop

DRIVE: Any = sys.argv[2] if len(sys.argv) > 2 else "thread"
manager = sideloop.LoopManager(drive=DRIVE, grace=5)


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())


def forks() -> None:
    """The child has the caller, and no loop thread."""

    async def ask() -> int:
        return await sideloop.run_on_caller(os.fork)

    try:
        child = manager.run_sync(ask)
    except RuntimeError as error:
        say(f"child: {type(error).__name__}")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    say(f"parent: {status}")


def exits() -> None:
    async def ask() -> None:
        try:
            await sideloop.run_on_caller(sys.exit, 3)
        finally:
            await asyncio.sleep(0.01)
            say("cleaned up")

    manager.run_sync(ask)


async def block() -> None:
    def wait() -> None:
        say("waiting")
        time.sleep(60)

    try:
        await sideloop.run_on_caller(wait)
    except BaseException as error:
        await asyncio.sleep(0.05)
        say(f"cleaned up after {type(error).__name__}")
        raise


async def who() -> str:
    return (await sideloop.run_on_caller(threading.current_thread)).name


def interrupted() -> None:
    with contextlib.suppress(LookupError):
        try:
            manager.run_sync(block)
        except KeyboardInterrupt:
            say("KeyboardInterrupt")
    say(manager.run_sync(who))


def handled() -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        raise LookupError

    signal.signal(signal.SIGUSR1, handle)
    try:
        manager.run_sync(block)
    except LookupError:
        say("LookupError")
    say(manager.run_sync(who))


globals()[sys.argv[1]]()
