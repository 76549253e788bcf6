"""Calls that are submitted when the interpreter ends: `submitted.py <what>`."""

import asyncio
import atexit
import contextlib
import os
import signal
import sys
import threading

from sideloop import LoopManager, RunnerClosedError

SECONDS = 600.0

shared = LoopManager(scope="process", name="shared")
each = LoopManager(name="each")


def say(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())  # so that lines do not mix


class Waiting:
    """An async function that waits for ever, and says that it has unwound."""

    def __init__(self) -> None:
        self.began = threading.Event()

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            await asyncio.sleep(0.01)
            say("unwound")


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def pending() -> None:
    """The main thread ends: what it has submitted unwinds, and the futures say why."""
    for manager in (shared, each):
        waiting = Waiting()
        future = manager.submit(waiting)
        future.add_done_callback(lambda done: say(type(done.exception()).__name__))
        waiting.began.wait()


def forgotten() -> None:
    """The same where nobody has the manager, nor the future."""
    for _ in range(2):
        waiting = Waiting()
        LoopManager().submit(waiting)
        waiting.began.wait()


def daemon() -> None:
    """A daemon thread that waits for the future does not keep the interpreter."""
    waiting = Waiting()

    def wait() -> None:
        with contextlib.suppress(RunnerClosedError):
            each.submit(waiting).result()

    threading.Thread(target=wait, daemon=True).start()
    waiting.began.wait()


def worker() -> None:
    """A thread that is no daemon gets its outcome, or a refusal where no thread starts."""

    def work() -> None:
        began.set()
        threading.main_thread().join()
        say(submit_at_exit())

    began = threading.Event()
    threading.Thread(target=work).start()
    began.wait()


def submit_at_exit() -> object:
    try:
        return each.submit(add, 10, b=12).result()
    except RuntimeError as error:
        return sys.version_info[:2] == (3, 12) and "no thread starts any more" in str(error) and 22


def at_exit() -> None:
    """A handler of the exit submits: it gets its outcome, or a refusal where no thread starts."""

    def end() -> None:
        say(submit_at_exit())
        say(each.run_sync(add, 10, b=12))
        with LoopManager() as own:
            say(sum(own.map(lambda n: add(n, n), [1, 10])))

    atexit.register(end)


def interrupted() -> None:
    """Ctrl-C in `result` leaves the call alone, and at the end of a `with` block it unwinds."""
    waiting = Waiting()
    try:
        with shared:
            future = shared.submit(waiting)
            waiting.began.wait()
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
            future.result()
    except KeyboardInterrupt:
        say("KeyboardInterrupt", shared.runners(), shared.run_sync(add, 10, b=12))


globals()[sys.argv[1]]()
