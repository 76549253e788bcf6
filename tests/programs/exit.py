"""The interpreter's exit, with calls and tasks under way. `exit.py <what> <kind of loop>`."""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from kinds import loop_factory

import sideloop

FACTORY = loop_factory(sys.argv[2])
manager = sideloop.LoopManager(loop_factory=FACTORY)
shared = sideloop.LoopManager(loop_factory=FACTORY, scope="process")
hasty = sideloop.LoopManager(loop_factory=FACTORY, grace=0.2)
runner = sideloop.Runner(loop_factory=FACTORY)
hurried = sideloop.Runner(loop_factory=FACTORY, grace=0.2)
driven = sideloop.Runner(drive="caller")

kept: list[Any] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several threads do not mix


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def on_a_thread(sync_fn: Callable[[], object], daemon: bool) -> threading.Thread:
    thread = threading.Thread(target=sync_fn, daemon=daemon)
    thread.start()
    return thread


def enter(run: Callable[..., object], async_fn: Callable[..., Awaitable[object]]) -> None:
    """Have a daemon thread call it, and wait until the coroutine runs."""
    entered = threading.Event()

    async def entering() -> None:
        entered.set()
        await async_fn()

    def call() -> None:
        with contextlib.suppress(sideloop.RunnerClosedError):
            run(entering)

    on_a_thread(call, daemon=True)
    assert entered.wait(20)


def nothing() -> None:
    """Calls that have ended."""
    for run in (manager.run_sync, shared.run_sync, runner.run, sideloop.run_sync):
        assert run(answer) == 42


def code() -> None:
    """An exit code of the user's, with loops and a pending task."""
    pending()
    sys.exit(3)


def error() -> None:
    """An error of the user's."""
    pending()
    raise ValueError("the user's")


def pending() -> None:
    """Tasks and async generators that nobody ended, on loops of every kind of owner."""

    async def task(name: str) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0.01)
            say(f"task {name} cleaned up")

    async def generator(name: str) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)
            say(f"generator {name} cleaned up")

    async def start(name: str) -> None:
        kept.append(asyncio.get_running_loop().create_task(task(name)))
        kept.append(generator(name))
        await kept[-1].__anext__()
        await asyncio.sleep(0)

    async def start_nested() -> None:
        manager.run_sync(start, "nested")

    manager.run_sync(start, "main")
    manager.run_sync(start_nested)
    shared.run_sync(start, "shared")
    runner.run(start, "runner")
    sideloop.run_sync(start, "default")
    on_a_thread(lambda: manager.run_sync(start, "thread"), daemon=False).join()
    started = threading.Event()

    def stay() -> None:
        manager.run_sync(start, "daemon")
        started.set()
        time.sleep(600)

    on_a_thread(stay, daemon=True)
    assert started.wait(20)


def stubborn() -> None:
    """A task that ignores its cancellation."""

    async def ignore() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(600)

    async def start() -> None:
        kept.append(asyncio.get_running_loop().create_task(ignore()))
        await asyncio.sleep(0)

    hasty.run_sync(start)


def daemon_waits() -> None:
    """Daemon threads that wait in calls of 30 s, and one that has just begun."""

    async def wait() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            say("cleaned up")

    for run in (manager.run_sync, shared.run_sync, runner.run):
        enter(run, wait)


def stuck() -> None:
    """A loop thread is in a sleep that no cancellation reaches."""

    async def block() -> None:
        time.sleep(600)

    enter(hasty.run_sync, block)
    sys.exit(3)


def named() -> None:
    """Loop threads that `close` has left behind, and has named."""

    async def block() -> None:
        time.sleep(600)

    for close, run in ((hurried.close, hurried.run), (hasty.close, hasty.run_sync)):
        enter(run, block)
        close()
    say("closed")
    sys.exit(3)


def busy_daemons() -> None:
    """Daemon threads call without end."""
    calling = threading.Barrier(5)

    def call(run: Callable[..., object]) -> None:
        run(answer)
        calling.wait(20)
        with contextlib.suppress(RuntimeError):  # the runner is closed, or the interpreter ends
            while True:
                run(answer)

    for run in (manager.run_sync, manager.run_sync, shared.run_sync, runner.run):
        on_a_thread(lambda run=run: call(run), daemon=True)
    calling.wait(20)


def making_daemons() -> None:
    """Daemon threads make loops without end."""
    calling = threading.Barrier(4)

    def call() -> None:
        calling.wait(20)
        with contextlib.suppress(RuntimeError):  # the interpreter ends
            while True:
                with sideloop.Runner(loop_factory=FACTORY) as own:
                    own.run(answer)

    for _ in range(3):
        on_a_thread(call, daemon=True)
    calling.wait(20)


def worker() -> None:
    """A thread that is no daemon is in a call when the main thread ends."""
    entered = threading.Event()

    async def work() -> str:
        entered.set()
        await asyncio.sleep(0.2)
        return "finished"

    def call() -> None:
        say(manager.run_sync(work))
        say(shared.run_sync(answer))
        say(sideloop.run_sync(answer))

    on_a_thread(call, daemon=False)
    assert entered.wait(20)


def worker_between_calls() -> None:
    """A thread that is no daemon has left a task on its loop, and calls again afterwards."""
    left: list[asyncio.Task[str]] = []
    ready = threading.Event()

    async def finish() -> str:
        await asyncio.sleep(0.3)
        return "finished"

    async def leave() -> None:
        left.append(asyncio.get_running_loop().create_task(finish()))

    async def leave_here_and_nested() -> None:
        await leave()
        manager.run_sync(leave)

    async def take(number: int) -> str:
        return await left[number]

    async def take_nested() -> str:
        return manager.run_sync(take, 1)

    def call() -> None:
        manager.run_sync(leave_here_and_nested)
        ready.set()
        threading.main_thread().join()
        time.sleep(0.1)  # the main thread has begun to exit
        say(manager.run_sync(take, 0))
        say(manager.run_sync(take_nested))

    on_a_thread(call, daemon=False)
    assert ready.wait(20)


def handler() -> None:
    """A call in an atexit handler, on a loop that runs already."""
    sideloop.run_sync(answer)
    manager.run_sync(answer)

    def call() -> None:
        say(sideloop.run_sync(answer))
        say(manager.run_sync(answer))

    atexit.register(call)


def first_in_handler() -> None:
    """The first call of the program is in an atexit handler."""
    atexit.register(lambda: say(manager.run_sync(answer)))


def executor() -> None:
    """A coroutine waits for its loop's default executor."""
    entered = threading.Event()

    def work() -> None:
        entered.set()
        time.sleep(0.2)
        say("executor finished")

    async def wait() -> None:
        await asyncio.to_thread(work)

    def call() -> None:
        with contextlib.suppress(sideloop.RunnerClosedError):
            manager.run_sync(wait)

    on_a_thread(call, daemon=True)
    assert entered.wait(20)


def executor_in_cleanup() -> None:
    """The cleanup of tasks that are left needs their loop's executor."""

    async def task(name: str) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.to_thread(say, f"{name} cleaned up on a thread")

    async def start(name: str) -> None:
        kept.append(asyncio.get_running_loop().create_task(task(name)))
        await asyncio.sleep(0)

    async def start_nested() -> None:
        manager.run_sync(start, "nested")

    manager.run_sync(start, "main")
    manager.run_sync(start_nested)
    runner.run(start, "runner")
    if FACTORY is None:
        driven.run(start, "driven")
    on_a_thread(lambda: manager.run_sync(start, "ended thread"), daemon=False).join()


class Finalizer:
    def __del__(self) -> None:
        try:
            self.run(answer)
        except RuntimeError:
            self.say("RuntimeError")
        else:
            self.say("answered")

    run = staticmethod(manager.run_sync)
    say = staticmethod(say)


def finalizer() -> None:
    """A finalizer that calls, of an object that lives until the modules are torn down."""
    manager.run_sync(answer)
    sys.modules["kept"] = Finalizer()  # type: ignore[assignment]


globals()[sys.argv[1]]()
