"""Event loops under test, ours and the standard one, and ways to run them."""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

import sideloop

T = TypeVar("T")

Loop = asyncio.SelectorEventLoop

STANDARD = asyncio.SelectorEventLoop
OURS = sideloop.EventLoop

WITH_BOTH = pytest.mark.parametrize("make", [STANDARD, OURS], ids=["standard", "ours"])
"""What is said of our loop is also true of the standard one."""

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


PLACES: list[Run] = [on_this_thread, on_a_loop_thread]


def turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run what is ready, and no more."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def on_another_thread(act: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
