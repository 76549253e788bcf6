"""Errands, and what becomes of a process meanwhile: `errand.py <what> [drive]`."""

import asyncio
import contextlib
import functools
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Callable
from types import FrameType
from typing import Any

import sideloop

# A fork of a process with threads is one of these.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

DRIVE: Any = "caller" if sys.argv[2:] == ["caller"] else "thread"
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


async def fork() -> int:
    await asyncio.sleep(0)
    return await sideloop.run_on_caller(os.fork)


def forks_where_it_drives() -> None:
    """The child has the caller, which turns the loop."""
    child = sideloop.drive(asyncio.SelectorEventLoop(), fork)
    if not child:
        say("child: goes on")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    say(f"parent: {status}")


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)
    time.sleep(0)


async def clean_up() -> None:
    try:
        await sideloop.run_on_caller(interrupt)
    except BaseException as error:
        for _ in range(40):
            await asyncio.sleep(0)
        say(f"cleaned up after {type(error).__name__}")
        raise


async def item(_: object) -> None:
    await clean_up()


async def items() -> AsyncGenerator[None, None]:
    await clean_up()
    yield


async def in_a_task() -> None:
    await asyncio.create_task(clean_up())


async def in_a_task_of_a_task() -> None:
    await asyncio.create_task(in_a_task())


async def gathered() -> None:
    await asyncio.gather(in_a_task_of_a_task(), asyncio.sleep(60))


async def in_a_group() -> None:
    if sys.version_info < (3, 11):
        await in_a_task()
        return
    async with asyncio.TaskGroup() as outer:

        async def inside() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(clean_up())

        outer.create_task(inside())


async def waits_in_vain() -> None:
    """What cleans up awaits a task that is not cancelled: which has to hear that nothing comes."""
    task = asyncio.create_task(sideloop.run_on_caller(interrupt))
    try:
        await asyncio.sleep(60)
    finally:
        try:
            await task
        except RuntimeError as error:
            say(f"cleaned up after {type(error).__name__}")


LOOPS: dict[str, dict[str, Any]] = {
    "native": {},
    "foreign": {"loop_factory": asyncio.SelectorEventLoop},
    "driven": {"drive": "caller"},
}


def interrupted_below() -> None:
    """Ctrl-C in an errand that a task awaits which is not the call's own."""
    for options in LOOPS.values():
        with sideloop.LoopManager(grace=5, **options) as manager:
            run = manager.run_sync
            for async_fn in (clean_up, in_a_task_of_a_task, gathered, in_a_group, waits_in_vain):
                goes(functools.partial(run, async_fn))
            goes(lambda manager=manager: list(manager.map(item, [1])))
            goes(lambda manager=manager: list(manager.iterate(items())))


def interrupted_where_it_drives() -> None:
    loop = asyncio.SelectorEventLoop()
    for async_fn in (clean_up, in_a_task_of_a_task, gathered, in_a_group, waits_in_vain):
        goes(functools.partial(sideloop.drive, loop, async_fn))
    loop.close()


def goes(call: Callable[[], object]) -> None:
    try:
        call()
    except KeyboardInterrupt:
        say("KeyboardInterrupt")


def interrupted_before_another() -> None:
    """What cleans up awaits the next errand, in the way that `sys.argv[2]` says."""

    async def ask() -> None:
        one = asyncio.create_task(sideloop.run_on_caller(interrupt))
        other = asyncio.create_task(sideloop.run_on_caller(say, "ran"))
        try:
            await one
        finally:
            await other

    begun = time.monotonic()
    if sys.argv[2] == "here":
        loop = asyncio.SelectorEventLoop()
        goes(lambda: sideloop.drive(loop, ask))
        loop.close()
    else:
        goes(lambda: manager.run_sync(ask))
    assert time.monotonic() - begun < 4  # not when its grace was over


def interrupted_in_asgirefs_bridge() -> None:
    """asgiref cancels what the bridge waits for, and then waits for the errand."""
    from asgiref.sync import async_to_sync, sync_to_async

    async def inside() -> None:
        try:
            # A signal that comes just before a wait for a lock, as asgiref's, is heard after it.
            await asyncio.sleep(0.3)
            say("waiting")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            say("returned")

    async def ask() -> None:
        try:
            await sync_to_async(async_to_sync(inside))()
        finally:
            say("unwound")

    begun = time.monotonic()
    goes(lambda: manager.run_sync(ask))
    assert time.monotonic() - begun < 30


def interrupted_while_importing() -> None:
    """The first call after asgiref's import makes sideloop import what serves it."""
    import asgiref.sync  # noqa: F401  # that it is

    class Finder:
        found = 0

        @classmethod
        def find_spec(cls, name: str, *_: object) -> None:
            if name == "sideloop._runners.thread_sensitive" and not cls.found:
                cls.found += 1
                interrupt()

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    goes(lambda: manager.run_sync(asyncio.sleep, 0))
    say(manager.run_sync(who))
    say(Finder.found)


globals()[sys.argv[1]]()
