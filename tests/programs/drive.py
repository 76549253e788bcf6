"""Loops that the caller drives: exits and forks. `drive.py <what>`.

A fork's child says nothing when all is well.
"""

import asyncio
import atexit
import contextlib
import ctypes
import gc
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any


def after_ours() -> None:
    """The first call comes in an atexit handler that runs after sideloop's own."""


def call_after_ours() -> None:
    if sys.argv[1] == "after_ours":
        say(manager.run_sync(answer))


atexit.register(call_after_ours)  # before sideloop registers its own

# A fork of a process with threads is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

import sideloop  # noqa: E402  # see above

manager = sideloop.LoopManager(drive="caller")
hasty = sideloop.LoopManager(drive="caller", grace=0.2)
runner = sideloop.Runner(drive="caller")

kept: list[Any] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several processes do not mix


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def leave(name: str) -> None:
    """Leave a task on the loop, which has something to clean up."""

    async def task() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0.01)
            say(f"{name} cleaned up")

    kept.append(asyncio.get_running_loop().create_task(task()))
    await asyncio.sleep(0)


# Exits


def pending() -> None:
    """Tasks that nobody ended, on loops of every kind of owner."""

    async def leave_nested() -> None:
        manager.run_sync(leave, "nested")

    manager.run_sync(leave, "main")
    manager.run_sync(leave_nested)
    runner.run(leave, "runner")
    entered = threading.Event()

    def work() -> None:
        manager.run_sync(leave, "thread")
        entered.set()
        time.sleep(0.1)

    threading.Thread(target=work).start()  # it ends after the main thread
    assert entered.wait(20)


def dropped(drop: Callable[[sideloop.Runner, Callable[[], None]], object], what: str) -> None:
    """Of a runner nothing is left but an iterator, dropped where its loop could not turn."""

    async def items() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)
            say(f"{what} cleaned up")

    async def other() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.02)
            say("generator cleaned up")

    async def leave_generator() -> None:
        kept.append(other())
        await anext(kept[-1])

    mine = sideloop.Runner(drive="caller")
    iterator = mine.iterate(items())
    next(iterator)
    box = [iterator]
    del iterator
    mine.run(leave_generator)
    drop(mine, box.clear)


def dropped_inside() -> None:
    def drop(mine: sideloop.Runner, clear: Callable[[], None]) -> None:
        async def inside() -> None:
            clear()

        mine.run(inside)

    dropped(drop, "inside")


def dropped_elsewhere() -> None:
    def drop(_: sideloop.Runner, clear: Callable[[], None]) -> None:
        thread = threading.Thread(target=clear)
        thread.start()
        thread.join()

    dropped(drop, "elsewhere")


def closed_elsewhere() -> None:
    """A manager that another thread has closed, and whose thread has left all to the exit."""
    dropped_inside()
    manager.run_sync(leave, "main")
    thread = threading.Thread(target=manager.close)
    thread.start()
    thread.join()


def daemons() -> None:
    """Daemon threads: one has a loop, one waits in a call, two call and make loops without end."""
    ready = threading.Barrier(5)

    def idle() -> None:
        manager.run_sync(answer)
        ready.wait(20)
        time.sleep(600)

    def waits() -> None:
        async def wait_for_ever() -> None:
            ready.wait(20)
            await asyncio.Event().wait()

        manager.run_sync(wait_for_ever)

    def calls() -> None:
        ready.wait(20)
        with contextlib.suppress(RuntimeError):  # the interpreter ends
            while True:
                manager.run_sync(answer)
                with sideloop.Runner(drive="caller") as own:
                    own.run(answer)

    for work in (idle, waits, calls, calls):
        threading.Thread(target=work, daemon=True).start()
    ready.wait(20)


def dropped_meanwhile() -> None:
    """A manager is dropped just when the exit has found that tasks are left on its loop."""
    managers = [sideloop.LoopManager(drive="caller")]
    managers[0].run_sync(leave, "dropped")
    all_tasks = asyncio.all_tasks

    def drop(loop: asyncio.AbstractEventLoop | None = None) -> "set[asyncio.Task[Any]]":
        tasks = all_tasks(loop)
        if tasks:
            managers.clear()
            gc.collect()
        return tasks

    asyncio.all_tasks = drop


def before_ours() -> None:
    """The first call comes in an atexit handler that runs before sideloop's own."""
    atexit.register(lambda: say(manager.run_sync(answer)))


# Forks


def check() -> None:
    """Every way to call works here, also nested, and more than once."""

    async def nested() -> int:
        return manager.run_sync(answer)

    for _ in range(2):
        for run in (manager.run_sync, runner.run, hasty.run_sync):
            assert run(answer) == 42
            assert run(nested) == 42


def child(inside: Callable[[], object]) -> int:
    """Fork, and do this in the child, which ends at once."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            inside()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def reap(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status


def fork_idle() -> None:
    """Before the first call and after, and the child closes what it has inherited."""
    reap(child(check))
    check()
    loop = manager.run_sync(running)

    def close_and_check() -> None:
        for one in (manager, hasty):
            one.close()
        check()
        runner.close()

    for inside in (check, close_and_check):
        reap(child(inside))
        assert manager.run_sync(running) is loop
        check()
    say("the parent is undisturbed")


async def running() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def fork_inside() -> None:
    """A coroutine forks, while its loop is driven."""

    async def fork() -> None:
        await asyncio.sleep(0.001)
        pid = child(check)
        await asyncio.sleep(0.001)
        reap(pid)
        await asyncio.sleep(0.001)

    check()
    for run in (manager.run_sync, runner.run):
        for _ in range(2):
            run(fork)
    check()
    say("the parent is undisturbed")


def fork_on_a_thread() -> None:
    """A thread forks, and the loops are those of the main thread."""
    check()
    with contextlib.suppress(DeprecationWarning):
        thread = threading.Thread(target=lambda: reap(child(check_elsewhere)))
        thread.start()
        thread.join()
    check()
    say("the parent is undisturbed")


def check_elsewhere() -> None:
    """The child's thread is another one than drove the loops before."""
    check()
    assert threading.active_count() == 1


def fork_exits() -> None:
    """The child ends as programs do, and the parent's task is not its own."""
    manager.run_sync(leave, "parent")
    pid = os.fork()
    if pid == 0:
        check()
        sys.exit(0)
    reap(pid)
    check()
    say("the parent is undisturbed")


def fork_from_c_exits() -> None:
    """The same with none of Python's at-fork hooks."""
    manager.run_sync(leave, "parent")
    # PyDLL keeps the interpreter lock: whether the child gets it is not the question here.
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        check()
        sys.exit(0)
    reap(pid)
    check()
    say("the parent is undisturbed")


globals()[sys.argv[1]]()
