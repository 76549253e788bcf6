"""Calls in a process whose threads are greenlets: `hubs.py gevent|eventlet <scene>`."""

import importlib
import sys

if sys.argv[1] == "gevent":
    from gevent import monkey

    # As it wants it: before anything else is imported.
    monkey.patch_all()
else:
    importlib.import_module("eventlet").monkey_patch()

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import sideloop

library, scene = sys.argv[1:3]
green: Any = importlib.import_module(library)


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0.1)
    return a + b


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        await asyncio.sleep(0.05)
        yield number


@contextlib.asynccontextmanager
async def opened() -> AsyncGenerator[int, None]:
    await asyncio.sleep(0.05)
    yield 3
    await asyncio.sleep(0.05)


@contextlib.contextmanager
def others_go_on() -> Generator[None]:
    """Another greenlet gets its turns meanwhile."""
    over, turns = threading.Event(), 0

    def run() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            time.sleep(0.001)

    other = threading.Thread(target=run)
    other.start()
    time.sleep(0.01)
    before = turns
    yield
    assert turns > before + 2, "no other greenlet had a turn"
    over.set()
    other.join()


def in_greenlet(sync_fn: Callable[[], object]) -> object:
    greenlet = green.spawn(sync_fn)
    return greenlet.get() if library == "gevent" else greenlet.wait()


def calls() -> None:
    """Each entry, from the main greenlet and from another."""

    def enter() -> int:
        with sideloop.enter(opened()) as entered:
            return entered

    def submit() -> int:
        with sideloop.Runner() as runner:
            return runner.submit(add, 1, 2).result(10)

    def run_on() -> int:
        async def loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        with sideloop.Runner() as runner:
            return sideloop.run_on(runner.run(loop), add, 1, 2)

    for call, outcome in (
        (lambda: sideloop.run_sync(add, 1, 2), 3),
        (lambda: list(sideloop.iterate(count(3))), [0, 1, 2]),
        (enter, 3),
        (lambda: list(sideloop.map(lambda n: add(n, 1), range(3))), [1, 2, 3]),
        (submit, 3),
        (run_on, 3),
    ):
        for place in (in_greenlet, lambda sync_fn: sync_fn()):
            with others_go_on():
                assert place(call) == outcome


def many() -> None:
    """Greenlets wait side by side."""
    answers: list[int] = []
    callers = [
        threading.Thread(target=lambda n=n: answers.append(sideloop.run_sync(add, n, 1)))
        for n in range(20)
    ]
    begin = time.monotonic()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(answers) == list(range(1, 21))
    assert time.monotonic() - begin < 1.5


def sleeps_and_looks() -> asyncio.AbstractEventLoop | None:
    time.sleep(0.01)
    return asyncio._get_running_loop()


def inside() -> None:
    """What coroutines do with threads and sockets."""

    async def work() -> tuple[int, bytes]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(5))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        writer.write(b"hello")
        said = await reader.read(5)
        writer.close()
        server.close()
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(3)))
        assert await asyncio.to_thread(sideloop.run_sync, add, 1, 2) == 3
        # Not the loop whose thread they have.
        assert await asyncio.to_thread(sleeps_and_looks) is None
        return sideloop.run_sync(add, 1, 2), said

    with others_go_on():
        assert sideloop.run_sync(work) == (3, b"hello")


def limit() -> None:
    """A time limit of ours, and one of the hub's, which is thrown into the greenlet."""
    cleaned: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("up")

    with others_go_on(), sideloop.timeout(0.1), contextlib.suppress(TimeoutError):
        sideloop.run_sync(forever)
        raise AssertionError("no TimeoutError")
    assert cleaned == ["up"]
    try:
        with green.Timeout(0.1) as theirs:
            sideloop.run_sync(forever)
    except green.Timeout as raised:
        assert raised is theirs  # noqa: PT017  # a program, not a test
    assert cleaned == ["up", "up"]
    assert sideloop.run_sync(add, 1, 2) == 3


def leftovers() -> None:
    """A task that is left on a loop cleans up at exit."""

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            print("cleaned up", flush=True)

    async def leave() -> None:
        asyncio.get_running_loop().kept = asyncio.create_task(background())
        await asyncio.sleep(0)

    sideloop.run_sync(leave)


def driven() -> None:
    """A greenlet that drives a loop would give it to all the others of its thread."""
    manager = sideloop.LoopManager(drive="caller")
    with sideloop.Runner(drive="caller") as runner:
        for run in (manager.run_sync, runner.run):
            try:
                run(add, 1, 2)
            except RuntimeError as error:
                assert library in str(error), error  # noqa: PT017  # a program, not a test
            else:
                raise AssertionError("it was driven")


globals()[scene]()
print("done", flush=True)
