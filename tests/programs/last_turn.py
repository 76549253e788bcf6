"""Signals that come in the very moment in which a call ends. `last_turn.py <what> <drive>`.

Each says what came of it, and whether the next call works.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import sideloop

DRIVE = cast(Any, sys.argv[2])

signal.signal(signal.SIGINT, signal.default_int_handler)


class LeaveError(Exception):
    pass


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())


def outcome(sync_fn: Callable[[], object]) -> str:
    """What came of it, where a signal that came meanwhile has been seen too."""
    try:
        try:
            found = repr(sync_fn())
        finally:
            sent.wait(20)
            spend()
    except BaseException as error:
        found = type(error).__name__
        if error.__cause__ is not None:
            found += f" because of {type(error.__cause__).__name__}"
    return found


sent = threading.Event()
"""Whether a signal that was to be sent was: the call may end before, where there is no lock."""

sent.set()


def spend() -> None:
    """Until a signal that was sent is seen."""
    for _ in range(100_000):
        pass


def press() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        sent.set()
    spend()


def press_soon() -> None:
    sent.clear()
    asyncio.get_running_loop().call_soon(press)


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def returns() -> str:
    press_soon()
    return "returned"


async def fails() -> None:
    press_soon()
    raise LookupError("of the call")


def of_run() -> None:
    with sideloop.Runner(drive=DRIVE) as runner:
        say(outcome(lambda: runner.run(returns)))
        say(outcome(lambda: runner.run(answer)))


def of_run_that_fails() -> None:
    with sideloop.Runner(drive=DRIVE) as runner:
        say(outcome(lambda: runner.run(fails)))
        say(outcome(lambda: runner.run(answer)))


def of_run_sync() -> None:
    manager = sideloop.LoopManager(drive=DRIVE)
    say(outcome(lambda: manager.run_sync(returns)))
    say(outcome(lambda: manager.run_sync(answer)))
    manager.close()


def of_a_nested_call() -> None:
    manager = sideloop.LoopManager(drive=DRIVE)

    async def outer() -> str:
        return manager.run_sync(returns)

    say(outcome(lambda: manager.run_sync(outer)))
    say(outcome(lambda: manager.run_sync(answer)))
    manager.close()


def of_an_iterator() -> None:
    async def items() -> Any:
        press_soon()
        yield 1

    with sideloop.Runner(drive=DRIVE) as runner:
        iterator = runner.iterate(items())
        say(outcome(lambda: next(iterator)))
        iterator.close()
        say(outcome(lambda: runner.run(answer)))


def of_a_report(interruption: Callable[[], None]) -> None:
    """The report of a slow call is interrupted, and the call ends before anybody looks again."""
    reported, ended = threading.Event(), threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # its signature
            reported.set()
            if DRIVE == "thread":
                ended.wait(5)
            interruption()

    async def work() -> str:
        while not reported.is_set():
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0, ended.set)
        return "returned"

    logging.getLogger("sideloop").addHandler(Handler())
    with sideloop.Runner(drive=DRIVE, slow_call_warning=0.2) as runner:
        say(outcome(lambda: runner.run(work)))
        say(outcome(lambda: runner.run(answer)))


def ctrl_c_in_a_report() -> None:
    of_a_report(press)


def an_error_in_a_report() -> None:
    def handler(number: int, frame: FrameType | None) -> None:
        raise LeaveError

    def interruption() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        spend()

    signal.signal(signal.SIGUSR1, handler)
    of_a_report(interruption)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
