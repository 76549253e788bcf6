"""Hooks at forks, interrupts and the interpreter's exit: `sync_hooks.py <what>`."""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from in_child import in_child

import sideloop

# A fork of a process with threads is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

LIMIT = 20

Handler = Callable[[int], Awaitable[Any]]


class AsyncClient:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.staying = False

    async def double(self, n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    async def call(self, handler: Handler) -> Any:
        try:
            return await handler(1)
        finally:
            await asyncio.sleep(0)
            self.log.append("left")

    async def call_for_ever(self, handler: Handler) -> None:
        while True:
            await handler(1)

    async def on_exit(self) -> None:
        """To be overridden."""

    async def stay(self) -> None:
        try:
            self.staying = True
            await asyncio.sleep(60)
        finally:
            await self.on_exit()


Client: Any = sideloop.synced(AsyncClient)


class Mine(Client):
    def on_exit(self) -> None:
        try:
            print(self.double(2), flush=True)
        except sideloop.RunnerClosedError:
            print("on_exit, closed", flush=True)


def forever(n: int) -> None:
    print("waits", flush=True)
    threading.Event().wait(3600)


def interrupted() -> None:
    """Ctrl-C while a hook blocks: the task leaves, the next call works, and the process can end."""
    client = Client()
    try:
        client.call(forever)
    except KeyboardInterrupt:
        assert client.double(1) == 2
        assert client.log == ["left"]
        assert client.call(lambda n: client.double(n)) == 2
        print("interrupted", flush=True)


def interrupted_in_a_call() -> None:
    """Ctrl-C while a hook waits in a call: that is cancelled too."""
    client, cancelled = Client(), threading.Event()

    async def wait() -> None:
        print("waits", flush=True)
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    try:
        client.call(lambda _: sideloop.run_sync(wait))
    except KeyboardInterrupt:
        assert cancelled.wait(LIMIT)
        assert client.double(1) == 2
        print("interrupted", flush=True)


def driven() -> None:
    """The same, where the caller drives the loop that the hook calls."""
    manager = sideloop.LoopManager(drive="caller")
    client: Any = manager.synced(AsyncClient)()

    async def wait() -> None:
        print("waits", flush=True)
        await asyncio.sleep(3600)

    waits: Any = manager.synced(wait)
    try:
        client.call(lambda _: waits())
    except KeyboardInterrupt:
        assert client.double(1) == 2
        assert client.call(lambda n: client.double(n)) == 2
        print("interrupted", flush=True)


def exit_() -> None:
    """Hooks that block, of daemon threads and in background tasks, do not keep the process."""
    client, runner = Client(), sideloop.Runner()
    started = threading.Barrier(3)

    def block(n: int) -> None:
        started.wait(LIMIT)
        threading.Event().wait(3600)

    def call() -> None:
        with contextlib.suppress(BaseException):
            client.call(block)

    threading.Thread(target=call, daemon=True).start()
    made: list[Any] = []
    sideloop.synced(keep)(block, made)
    future = runner.submit(made[0], 1)
    started.wait(LIMIT)
    assert not future.done()
    print("ends", flush=True)


async def keep(handler: Handler, made: list[Any]) -> None:
    """Async code that keeps a hook."""
    made.append(handler)


def exit_busy() -> None:
    """Daemon threads whose hooks call without end while the interpreter exits."""
    client = Client()

    def busy() -> None:
        with contextlib.suppress(BaseException):
            client.call_for_ever(lambda n: client.double(n))

    for _ in range(4):
        threading.Thread(target=busy, daemon=True).start()
    time.sleep(0.3)
    print("ends", flush=True)


def exit_override() -> None:
    """A cleanup at exit that comes to an override: that runs, and its object says that it ends."""
    mine = Mine()

    def stay() -> None:
        with contextlib.suppress(BaseException):
            mine.stay()

    threading.Thread(target=stay, daemon=True).start()
    while not mine.staying:
        time.sleep(0.01)
    print("ends", flush=True)


def at_exit() -> None:
    """A handler at exit calls with a hook, and with one that calls again if a thread starts."""
    client = Client()

    def call() -> None:
        print(client.call(lambda n: n + 2), flush=True)
        try:
            print(client.call(lambda n: client.double(n)), flush=True)
        except sideloop.DeadlockError:
            print(sys.version_info[:2] == (3, 12) and 2, flush=True)

    atexit.register(call)


def fork() -> None:
    """A fork while workers are idle and busy, and one by a hook."""
    client = Client()
    assert client.call(lambda n: client.double(n)) == 2
    # Two at once, so that one worker is idle while the other one is busy.
    both = threading.Barrier(2)
    pair = [
        threading.Thread(target=client.call, args=(lambda _: both.wait(LIMIT),)) for _ in range(2)
    ]
    for each in pair:
        each.start()
    for each in pair:
        each.join()
    gate, started = threading.Event(), threading.Event()

    def block(n: int) -> int:
        started.set()
        gate.wait(LIMIT)
        return 5

    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(client.call(block)))
    thread.start()
    started.wait(LIMIT)

    def check() -> None:
        with pytest.raises(sideloop.RunnerClosedError, match="before the fork"):
            client.call(lambda n: n)
        other = Client()
        assert [other.call(lambda n: other.double(n)) for _ in range(3)] == [2, 2, 2]

    for _ in range(5):
        in_child(check)

    def fork_here(n: int) -> int:
        def refused() -> None:
            with pytest.raises(sideloop.RunnerClosedError, match="before the fork"):
                client.double(1)
            check()

        in_child(refused)
        return n

    assert client.call(fork_here) == 1

    def leave_as_a_child(n: int) -> int:
        pid = os.fork()
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
        return 7

    # The child's thread has nothing more to do, and with it the child.
    assert client.call(leave_as_a_child) == 7

    def ends_in_the_child(code: int, sync_fn: Callable[[], object]) -> Callable[[int], int]:
        """Its child calls before it ends so, and has a loop thread then."""

        def hook(n: int) -> int:
            pid = os.fork()
            if pid:
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
                return n
            assert sideloop.run_sync(asyncio.sleep, 0, 3) == 3
            sync_fn()
            return n

        return hook

    def fail() -> None:
        sys.excepthook = lambda *_: None
        raise ValueError("the child's")

    for code, sync_fn in ((0, int), (4, lambda: sys.exit(4)), (1, fail)):
        assert client.call(ends_in_the_child(code, sync_fn)) == 1
    gate.set()
    thread.join(LIMIT)
    assert answers == [5]
    print("ok", flush=True)


PROGRAMS = {
    name: value for name, value in list(globals().items()) if callable(value) and value.__doc__
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
