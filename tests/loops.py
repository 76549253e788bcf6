"""Runs a coroutine on an event loop of ours: on this thread, or on a loop thread."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import sideloop

T = TypeVar("T")

AsyncMain = Callable[[], Coroutine[Any, Any, T]]

Run = Callable[[AsyncMain[Any]], Any]
"""`run(async_main)`: returns what the coroutine returns."""


def on_this_thread(async_main: AsyncMain[T]) -> T:
    """As `asyncio.run` does, which takes no loop factory before CPython 3.12."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=sideloop.EventLoop) as runner:
            return runner.run(async_main())
    event_loop = sideloop.new_event_loop()
    try:
        return event_loop.run_until_complete(async_main())
    finally:
        event_loop.run_until_complete(event_loop.shutdown_asyncgens())
        event_loop.run_until_complete(event_loop.shutdown_default_executor())
        event_loop.close()


def on_a_loop_thread(async_main: AsyncMain[T]) -> T:
    """As users of `run_sync` do."""
    return sideloop.run_sync(async_main)


BOTH: list[Run] = [on_this_thread, on_a_loop_thread]
