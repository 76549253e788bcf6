"""What a thread does once: a call whose outcome is known, or harm to others."""

import asyncio
import contextlib
import gc
import itertools
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from hooks.futures import BadAwaitable, BadSteps, ForeignFuture

import sideloop
from sideloop import LoopManager, LoopStoppedError, RunnerClosedError
from soak.bridges import Bridges, UnseenError
from soak.processes import exit_elsewhere, fork
from soak.tally import tally

Act = Callable[[Bridges, random.Random], None]

OTHERS_DO = (LoopStoppedError, RunnerClosedError)
"""What a call may come to when another thread stops or closes its loop."""


class CustomError(Exception):
    """What a coroutine raises here."""


async def at_once(number: int) -> int:
    return number


async def later(number: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return number


async def raising(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def answer(bridges: Bridges, dice: random.Random) -> None:
    """Many calls, each with its answer."""
    run = bridges.any_run(dice)
    for number in range(dice.randrange(50)):
        tally.count("calls")
        assert run(at_once, number) == number


def wait(bridges: Bridges, dice: random.Random) -> None:
    number = dice.getrandbits(64)
    assert bridges.any_run(dice)(later, number, dice.choice([0, 0.001, 0.01])) == number


def fail(bridges: Bridges, dice: random.Random) -> None:
    """The same object comes out."""
    kinds = (CustomError, SystemExit, GeneratorExit, KeyboardInterrupt, asyncio.CancelledError)
    error = dice.choice(kinds)()
    tally.count("errors raised")
    try:
        bridges.any_run(dice)(raising, error)
    except OTHERS_DO:
        raise
    except BaseException as raised:
        if raised is not error:
            raise
    else:
        raise AssertionError(f"{error!r} was lost")


def give_up(bridges: Bridges, dice: random.Random) -> None:
    """A time limit, which is over or nearly over when the call ends."""
    seconds = dice.choice([0, 0.0005, 0.001, 0.01])
    tally.count("time limits")
    with contextlib.suppress(TimeoutError), sideloop.timeout(seconds):
        assert bridges.any_run(dice)(later, 1, dice.choice([0.0005, 0.001, 60])) == 1


def nest(bridges: Bridges, dice: random.Random) -> None:
    """Sync calls async calls sync, through any managers."""

    async def level(depth: int) -> int:
        await asyncio.sleep(0)
        if depth == 0:
            return 0
        manager = bridges.own_manager(dice)
        tally.count("calls")
        if dice.random() < 0.2:
            return 1 + await asyncio.to_thread(manager.run_sync, level, depth - 1)
        return 1 + manager.run_sync(level, depth - 1)

    depth = dice.randrange(1, 6)
    tally.count("nested calls")
    assert bridges.any_manager(dice).run_sync(level, depth) == depth


def visit(bridges: Bridges, dice: random.Random) -> None:
    """A call on a loop that somebody else runs."""
    tally.count("calls on guest loops")
    loop = dice.choice(bridges.guests).loop
    assert sideloop.run_on(loop, later, 5, dice.choice([0, 0.001])) == 5


def read_ahead(bridges: Bridges, dice: random.Random) -> None:
    async def items(number: int) -> AsyncGenerator[int]:
        for item in range(number):
            if dice.random() < 0.1:
                await asyncio.sleep(0)
            yield item

    number, taken = dice.randrange(50), dice.randrange(60)
    tally.count("iterators")
    ahead = dice.choice([0, 1, 8])
    with bridges.own_manager(dice).iterate(items(number), read_ahead=ahead) as iterator:
        found = list(itertools.islice(iterator, taken))
    assert found == list(range(min(number, taken)))


def by_the_clock(bridges: Bridges, dice: random.Random) -> None:
    """A timer that is set by what the loop says the time is."""

    async def wait() -> int:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.call_at(loop.time() + 0.001, done.set)
        await done.wait()
        return 3

    tally.count("timers")
    assert bridges.any_run(dice)(wait) == 3


def talk(bridges: Bridges, dice: random.Random) -> None:
    """Bytes there and back by a connection, both of whose ends are on the loop."""
    messages = [dice.randbytes(dice.choice([1, 100, 10_000, 300_000])) for _ in range(3)]
    ends_well = dice.random() < 0.5

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Streams of CPython 3.11 ask a task that was cancelled what it has raised.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def ask(address: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*address)
        try:
            for message in messages:
                writer.write(message)
                assert await reader.readexactly(len(message)) == message
            if ends_well:
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def exchange() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            await ask(server.sockets[0].getsockname())
        finally:
            server.close()

    tally.count("connections")
    bridges.any_run(dice)(exchange)


def odd_awaitable(bridges: Bridges, dice: random.Random) -> None:
    """An awaitable, or a future, of somebody's own class; one method of it raises.

    One that raises when it is cancelled may do so after its caller's grace: nobody sees that.
    """
    error = CustomError()
    kinds: list[Callable[[], Any]] = [
        lambda: BadAwaitable(error),
        lambda: BadSteps(dice.choice(["next", "next_later"]), error),
        lambda: BadSteps("throw", UnseenError()),
        lambda: ForeignFuture("result", error),
        lambda: ForeignFuture("cancel", UnseenError()),
        lambda: ForeignFuture("", error),
    ]
    make = dice.choice(kinds)

    async def wait() -> Any:
        return await make()

    tally.count("odd awaitables")
    try:
        with sideloop.timeout(0.02):
            assert bridges.any_run(dice)(wait) == 22
    except (CustomError, UnseenError, TimeoutError):
        return


def stop_the_loop(bridges: Bridges, dice: random.Random) -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    tally.count("loops stopped")
    try:
        bridges.any_run(dice)(stop)
    except OTHERS_DO:
        return
    raise AssertionError("a call survived its loop")


def block_the_loop(bridges: Bridges, dice: random.Random) -> None:
    """A coroutine that hears nothing, or does not want to."""

    async def block() -> None:
        time.sleep(0.2)

    async def ignore() -> None:
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    tally.count("stuck coroutines")
    with contextlib.suppress(TimeoutError), sideloop.timeout(0.01):
        bridges.hasty.run_sync(dice.choice([block, ignore]))


def leave_tasks(bridges: Bridges, dice: random.Random) -> None:
    """Tasks that nobody awaits: one ends, one fails, one has to be cancelled."""
    left: list[asyncio.Task[Any]] = []

    async def leave() -> None:
        create = asyncio.get_running_loop().create_task
        left.append(create(asyncio.sleep(0.001)))
        left.append(create(raising(UnseenError())))
        left.append(create(asyncio.sleep(600)))

    tally.count("tasks left")
    bridges.any_manager(dice).run_sync(leave)


def short_thread(bridges: Bridges, dice: random.Random) -> None:
    failed: list[BaseException] = []

    def call() -> None:
        try:
            answer(bridges, dice)
        except OTHERS_DO:
            pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    tally.count("short threads")
    if failed:
        raise failed[0]


def drop(bridges: Bridges, dice: random.Random) -> None:
    """A finalizer that calls, wherever the collector runs it."""
    Finalized(bridges.own_manager(dice))
    tally.count("finalizers")


class Finalized:
    def __init__(self, manager: LoopManager) -> None:
        self.manager, self.cycle = manager, self

    def __del__(self) -> None:
        nested = asyncio._get_running_loop() is not None
        try:
            assert self.manager.run_sync(at_once, 3) == 3
        except (*OTHERS_DO, KeyboardInterrupt, TimeoutError):
            pass
        except asyncio.CancelledError as error:
            # With the call in which the collector runs.
            if not nested:
                tally.is_wrong("in a finalizer", error)
        except BaseException as error:
            tally.is_wrong("in a finalizer", error)


def close_one(bridges: Bridges, dice: random.Random) -> None:
    tally.count("closes")
    bridges.close_one(dice)


def collect(bridges: Bridges, dice: random.Random) -> None:
    gc.collect(dice.randrange(3))


def fork_a_child(bridges: Bridges, dice: random.Random) -> None:
    tally.count("forks")
    fork([bridges.any_run(dice) for _ in range(3)])


def exit_a_process(bridges: Bridges, dice: random.Random) -> None:
    tally.count("exits")
    exit_elsewhere(dice)


ACTS: dict[Act, int] = {
    answer: 300,
    wait: 100,
    fail: 100,
    give_up: 60,
    nest: 60,
    visit: 60,
    read_ahead: 40,
    by_the_clock: 20,
    talk: 20,
    odd_awaitable: 30,
    stop_the_loop: 6,
    block_the_loop: 3,
    leave_tasks: 20,
    short_thread: 30,
    drop: 20,
    close_one: 4,
    collect: 2,
    fork_a_child: 2,
    exit_a_process: 0.3,  # type: ignore[dict-item]
}
"""How often each is chosen."""


def act(bridges: Bridges, dice: random.Random) -> None:
    """One of them."""
    (chosen,) = dice.choices(list(ACTS), list(ACTS.values()))
    tally.count("acts")
    try:
        chosen(bridges, dice)
    except OTHERS_DO:
        tally.count("calls ended by others")
    except KeyboardInterrupt:
        if threading.current_thread() is not threading.main_thread():
            raise
        tally.count("calls interrupted")
    except BaseException as error:
        tally.is_wrong(f"{chosen.__name__} went wrong", error)
