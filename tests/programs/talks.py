"""What programs that fork have in common: ways to call, and I/O that a child may disturb.

The kind of loop is their second argument.
"""

import asyncio
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from kinds import loop_factory

import sideloop

# A fork of a process with threads is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

FACTORY = loop_factory(sys.argv[2])
manager = sideloop.LoopManager(loop_factory=FACTORY)
shared = sideloop.LoopManager(loop_factory=FACTORY, scope="process")
runner = sideloop.Runner(loop_factory=FACTORY)


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0.001)
    return a + b


def check() -> None:
    """Every way to call works here, also nested, and more than once."""

    async def nested() -> int:
        return manager.run_sync(add, 10, b=12)

    for _ in range(2):
        for run in (manager.run_sync, shared.run_sync, runner.run, sideloop.run_sync):
            assert run(add, 10, b=12) == 22
            assert run(nested) == 22


class Talk:
    """I/O on a loop of the parent: bytes that come in on a socket, and calls that wait for them.

    The selector watches the socket all the time.
    """

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._owner = os.getpid()
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)

    async def connect(self) -> None:
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._near, lambda: self._heard.put_nowait(self._near.recv(100)))

    async def hear(self) -> bytes:
        return await self._heard.get()

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._near)
        self._near.close()

    def check(self) -> None:
        """Data that comes before the call, and data that comes while it waits."""
        self._far.sendall(b"before\n")
        assert self._run(self.hear) == b"before\n"
        later = threading.Timer(0.02, self._far.sendall, [b"later\n"])
        later.start()
        assert self._run(self.hear) == b"later\n"
        later.join()

    def __enter__(self) -> "Talk":
        self._run(self.connect)
        return self

    def __exit__(self, *error: object) -> None:
        if os.getpid() == self._owner:  # and no fork's child that exits
            self._run(self.close)
            self._far.close()


class StreamTalk(Talk):
    """The same with asyncio's streams.

    When these are collected, in a child that exits, they take their socket out of the selector. Our
    selector knows better; one of asyncio's own would make the parent deaf.
    """

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(sock=self._near)

    async def hear(self) -> bytes:
        return await self._reader.readline()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
