"""The event loop goes wherever an asyncio event loop, or a factory of them, is asked for."""

import asyncio
import selectors
import sys

from typing_extensions import assert_type

import sideloop
from sideloop import EventLoop, LoopManager, Runner, new_event_loop


async def fetch(url: str) -> bytes:
    raise NotImplementedError


def show(prefix: str, number: int) -> None:
    raise NotImplementedError


def an_event_loop() -> None:
    assert_type(sideloop.new_event_loop(), EventLoop)
    assert_type(sideloop.EventLoop(), EventLoop)
    EventLoop(selectors.SelectSelector())
    selector_loop: asyncio.SelectorEventLoop = EventLoop(selector=None)
    loop: asyncio.AbstractEventLoop = new_event_loop()
    asyncio.set_event_loop(new_event_loop())
    print(selector_loop, loop)


def its_methods(loop: EventLoop) -> None:
    assert_type(loop.run_until_complete(fetch("url")), bytes)
    assert_type(loop.call_soon(show, "a", 1), asyncio.Handle)
    assert_type(loop.call_soon_threadsafe(show, "a", 1), asyncio.Handle)
    assert_type(loop.call_later(0.5, show, "a", 1), asyncio.TimerHandle)
    assert_type(loop.call_at(loop.time() + 1, show, "a", 1), asyncio.TimerHandle)
    assert_type(loop.create_task(fetch("url")), asyncio.Task[bytes])
    loop.add_signal_handler(2, show, "a", 1)


def a_loop_of_ones_own() -> None:
    class Mine(EventLoop):
        def time(self) -> float:
            return super().time() + 1.0

    assert_type(LoopManager(loop_factory=Mine), LoopManager)


def a_factory_for_managers_and_runners() -> None:
    assert_type(LoopManager(loop_factory=sideloop.new_event_loop), LoopManager)
    assert_type(LoopManager(loop_factory=sideloop.EventLoop), LoopManager)
    assert_type(Runner(loop_factory=sideloop.new_event_loop), Runner)
    assert_type(Runner(loop_factory=sideloop.EventLoop), Runner)


def an_event_loop_with_native_transports() -> None:
    assert_type(EventLoop(transports="native"), EventLoop)
    assert_type(EventLoop(None, transports="asyncio"), EventLoop)


if sys.version_info >= (3, 11):

    def a_factory_for_asyncio() -> None:
        with asyncio.Runner(loop_factory=sideloop.EventLoop) as runner:
            assert_type(runner, asyncio.Runner)
            assert_type(runner.run(fetch("url")), bytes)
        assert_type(asyncio.Runner(loop_factory=sideloop.new_event_loop), asyncio.Runner)


if sys.version_info >= (3, 12):

    def a_factory_for_asyncio_run() -> None:
        assert_type(asyncio.run(fetch("url"), loop_factory=sideloop.EventLoop), bytes)


def event_loops_refuse_the_same() -> None:
    EventLoop(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EventLoop(None, "native")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    EventLoop(transports="other")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    new_event_loop(None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    loop = new_event_loop()
    loop.call_soon(show, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    loop.call_soon(show, "a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    loop.call_later("1", show, "a", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(loop_factory=new_event_loop())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
