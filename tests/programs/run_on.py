"""Signals around calls on a loop that somebody else runs. `run_on.py <what>`."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import sideloop

signal.signal(signal.SIGINT, signal.default_int_handler)


class LeaveError(Exception):
    pass


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())


def raise_leave(number: int, frame: FrameType | None) -> None:
    raise LeaveError


def send(number: int) -> None:
    """Send it to ourselves, and until it is seen."""
    os.kill(os.getpid(), number)
    for _ in range(100_000):
        pass


def outcome(sync_fn: Callable[[], object]) -> str:
    try:
        found = repr(sync_fn())
    except BaseException as error:
        found = type(error).__name__
        if error.__cause__ is not None:
            found += f" because of {type(error.__cause__).__name__}"
    return found


def serve(loop: asyncio.AbstractEventLoop) -> threading.Thread:
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    return thread


def the_loop_is_closed_meanwhile() -> None:
    """Ctrl-C begins to unwind the call, and the loop's owner closes the loop under it."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    def run() -> None:
        loop.run_forever()
        loop.close()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            loop.stop()
            await asyncio.sleep(60)

    def press() -> None:
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threads = [threading.Thread(target=each) for each in (run, press)]
    for thread in threads:
        thread.start()
    say(outcome(lambda: sideloop.run_on(loop, work)))


def the_loop_is_closed_at_once() -> None:
    """Ctrl-C is seen in the very look in which the loop is found closed."""
    answers = iter([False])

    class Own(asyncio.SelectorEventLoop):
        def is_closed(self) -> bool:
            if started.is_set() and threading.current_thread() is threading.main_thread():
                if next(answers, True):
                    return True
                send(signal.SIGINT)
            return super().is_closed()

    started = threading.Event()
    loop = Own()
    serve(loop)

    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    say(outcome(lambda: sideloop.run_on(loop, work)))


def question(name: str) -> None:
    """A handler raises while the loop is asked something."""
    asked: list[int] = []

    def ask(self: Any) -> bool:
        if started.is_set() and threading.current_thread() is threading.main_thread():
            asked.append(1)
            if len(asked) == 1:
                send(signal.SIGUSR1)
        return bool(getattr(super(Own, self), name)())

    Own = type("Own", (asyncio.SelectorEventLoop,), {name: ask})  # noqa: N806  # a class
    signal.signal(signal.SIGUSR1, raise_leave)
    started = threading.Event()
    loop = Own()
    serve(loop)

    async def work() -> str:
        started.set()
        await asyncio.sleep(2)
        return "the value"

    say(outcome(lambda: sideloop.run_on(loop, work)))


def is_running() -> None:
    question("is_running")


def is_closed() -> None:
    question("is_closed")


def the_waking_of_a_cancellation() -> None:
    """A time limit is over, and a handler raises while the loop is woken to cancel the task."""
    woken: list[int] = []

    class Own(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *args: Any, **options: Any) -> Any:
            if started.is_set() and threading.current_thread() is threading.main_thread():
                woken.append(1)
                if len(woken) == 1:
                    send(signal.SIGINT)
            return super().call_soon_threadsafe(*args, **options)

    started = threading.Event()
    loop = Own()
    serve(loop)

    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    with sideloop.timeout(0.2):
        say(outcome(lambda: sideloop.run_on(loop, work)))


def the_function() -> None:
    """The main thread runs the loop, and Ctrl-C comes in the function of another thread's call."""

    def fn() -> Any:
        send(signal.SIGINT)
        return asyncio.sleep(0)

    def call() -> None:
        said.append(outcome(lambda: sideloop.run_on(loop, fn)))
        loop.call_soon_threadsafe(loop.stop)

    said: list[str] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=call)
    loop.call_soon(thread.start)
    say(outcome(loop.run_forever))
    thread.join()
    say(said[0])


globals()[sys.argv[1]]()
