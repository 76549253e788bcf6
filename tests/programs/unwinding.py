"""A loop ends while something on it cleans up. `unwinding.py <what> <kind of loop> <by what>`."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

from kinds import loop_factory

import sideloop

DRIVEN = sys.argv[2] == "driven"
options: dict[str, Any] = (
    {"drive": "caller"} if DRIVEN else {"loop_factory": loop_factory(sys.argv[2])}
)
runner = sideloop.Runner(**options)

begun = threading.Event()
ended = threading.Event()
kept: list[Any] = []


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def clean_up(seconds: float = 0.2) -> None:
    begun.set()
    await asyncio.sleep(seconds)
    say("cleaned up")


async def work(_: object = None) -> None:
    try:
        await asyncio.sleep(600)
    finally:
        await clean_up()


async def items() -> AsyncGenerator[int, None]:
    try:
        yield 1
        await asyncio.sleep(600)
    finally:
        await clean_up()


@contextlib.asynccontextmanager
async def entered() -> AsyncGenerator[None, None]:
    yield
    await clean_up()


def on_a_thread(sync_fn: Callable[[], object], within: float | None = None) -> None:
    """Have a daemon thread do it, and wait until something cleans up."""

    def call() -> None:
        with contextlib.suppress(TimeoutError, sideloop.RunnerClosedError):
            if within is None:
                sync_fn()
            else:
                with sideloop.timeout(within):
                    sync_fn()
        ended.set()

    threading.Thread(target=call, daemon=True).start()
    wait_until_begun()


def wait_until_begun() -> None:
    if DRIVEN:
        runner.run(asyncio.sleep, 0.01)
    assert begun.wait(20)


def left_iterator() -> None:
    for _ in runner.iterate(items()):
        break
    wait_until_begun()


def just_left_iterator() -> None:
    """And it may not have heard."""
    for _ in runner.iterate(items()):
        break


def iterator_that_reads_ahead() -> None:
    for _ in runner.iterate(items(), read_ahead=2):
        break
    wait_until_begun()


def closing_iterator() -> None:
    iterator = runner.iterate(items())
    next(iterator)
    on_a_thread(iterator.close)


def exiting_context_manager() -> None:
    def enter() -> None:
        with runner.enter(entered()):
            pass

    on_a_thread(enter)


def left_map() -> None:
    started = asyncio.Event()

    async def item(number: int) -> None:
        if number:
            started.set()
            await work()
        await started.wait()

    for _ in runner.map(item, range(2)):
        break
    wait_until_begun()


def map_at_its_limit() -> None:
    on_a_thread(lambda: list(runner.map(work, [1])), within=0.3)


def call_at_its_limit() -> None:
    on_a_thread(lambda: runner.run(work), within=0.3)


def cancelled_future() -> None:
    started = threading.Event()

    async def submitted() -> None:
        started.set()
        await work()

    future = runner.submit(submitted)
    assert started.wait(20)
    future.cancel()
    wait_until_begun()


def cancelled_task() -> None:
    async def start() -> None:
        task = asyncio.ensure_future(work())
        kept.append(task)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)

    runner.run(start)


def awaited_task() -> None:
    """A call awaits the task that it has cancelled."""

    async def cancel() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(task)

    on_a_thread(lambda: runner.run(cancel))


def tasks_of_a_group() -> None:
    """Nothing of it cleans up yet: the group cancels what is in it."""
    started = threading.Event()

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
            await asyncio.sleep(0)
            started.set()

    def call() -> None:
        with contextlib.suppress(sideloop.RunnerClosedError):
            runner.run(group)
        ended.set()

    threading.Thread(target=call, daemon=True).start()
    assert started.wait(20)


def tasks_of_a_group_in_the_background() -> None:
    async def start() -> None:
        kept.append(asyncio.ensure_future(group()))
        await asyncio.sleep(0.01)

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())

    runner.run(start)


def tasks_of_a_call() -> None:
    """A call that cancels what it has started, as its own cleanup."""
    started = threading.Event()

    async def supervise() -> None:
        task = asyncio.ensure_future(work())
        try:
            await asyncio.sleep(0)
            started.set()
            await asyncio.sleep(600)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def call() -> None:
        with contextlib.suppress(sideloop.RunnerClosedError):
            runner.run(supervise)
        ended.set()

    threading.Thread(target=call, daemon=True).start()
    assert started.wait(20)


def hook() -> None:
    """SIGTERM comes while a hook waits for a call."""
    manager = sideloop.LoopManager(**options)
    kept.append(manager)

    class Original:
        async def call(self) -> None:
            await self.hook()

        async def hook(self) -> None:
            raise NotImplementedError

    twin: Any = manager.synced(Original)

    class User(twin):  # type: ignore[misc]
        def hook(self) -> None:
            threading.Thread(target=terminate).start()
            manager.run_sync(begin)

    started = threading.Event()

    async def begin() -> None:
        started.set()
        await work()

    def terminate() -> None:
        assert started.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    User().call()


def close_that_is_left() -> None:
    """SIGTERM comes while `close` waits for something that cleans up."""

    async def start() -> None:
        kept.append(asyncio.ensure_future(work()))
        await asyncio.sleep(0)

    def terminate() -> None:
        assert begun.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)

    runner.run(start)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=terminate).start()
    runner.close()


globals()[sys.argv[1]]()
if sys.argv[3] == "close":
    runner.close()
