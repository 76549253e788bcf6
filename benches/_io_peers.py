"""The bridges that are compared over I/O, and the process that answers them.

Each has an echo process of its own: one thread that blocks for a byte and sends it back. An echo
that is not asked costs nothing.
"""

# mypy: disable-error-code="import-not-found,import-untyped"
# Any loop may be absent where this is type-checked.

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass

from _loops import RLOOP, UVLOOP, LoopPeer
from _peers import version_of, why_left_out

Exchange = Callable[[], Awaitable[bytes]]

Run = Callable[[Callable[[], Awaitable[object]]], object]
"""Calls an async function and returns what it returns."""

BYTE = b"x"

ECHO = """
import socket, sys, time
late = float(sys.argv[1])
with socket.socket(fileno=0) as end:
    while data := end.recv(1):
        if late:
            time.sleep(late)
        end.send(data)
"""

LATE = 300e-6
"""How long the late echo takes, in seconds: longer than any spin."""


@dataclass(frozen=True)
class IoPeer:
    """One bridge: its name, the distribution it needs beside ours, and how to open it."""

    name: str
    distribution: str | None
    open: Callable[[], AbstractContextManager[Run]]
    echo_takes: float = 0.0

    @property
    def version(self) -> str:
        """The version of the distribution, or where the peer comes from instead."""
        return version_of(self.distribution)


def _manager(peer: LoopPeer | None, drive: str) -> Callable[[], AbstractContextManager[Run]]:
    """A manager of ours, on a loop of ours or of somebody else's."""

    @contextmanager
    def opened() -> Iterator[Run]:
        from sideloop import LoopManager

        factory = peer.make if peer else None
        if factory:
            # Here, so that a loop that is not installed is known as such.
            factory().close()
        with closing(LoopManager(loop_factory=factory, drive=drive)) as manager:  # type: ignore[arg-type]
            yield manager.run_sync

    return opened


@contextmanager
def _run_coroutine_threadsafe() -> Iterator[Run]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="run_coroutine_threadsafe")
    thread.start()

    async def call(async_fn: Callable[[], Awaitable[object]]) -> object:
        return await async_fn()

    try:
        yield lambda async_fn: asyncio.run_coroutine_threadsafe(call(async_fn), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


OURS = IoPeer("sideloop", "sideloop", _manager(None, "thread"))
OURS_LATE = IoPeer(
    "sideloop, the answer late", "sideloop", _manager(None, "thread"), echo_takes=LATE
)
DRIVEN = IoPeer('sideloop, drive="caller"', "sideloop", _manager(None, "caller"))
ON_UVLOOP = IoPeer("sideloop, loop_factory of uvloop", "uvloop", _manager(UVLOOP, "thread"))
ON_RLOOP = IoPeer("sideloop, loop_factory of rloop", "rloop", _manager(RLOOP, "thread"))
THREADSAFE = IoPeer("asyncio.run_coroutine_threadsafe", None, _run_coroutine_threadsafe)

BRIDGES = (ON_RLOOP, ON_UVLOOP, THREADSAFE)
"""Those that hand a call to another thread, as ours does."""

PEERS = (OURS, *BRIDGES, DRIVEN, OURS_LATE)


class Subject:
    """One bridge, open, with an echo process behind it."""

    def __init__(self, run: Run, end: socket.socket) -> None:
        async def identify() -> int:
            return threading.get_native_id()

        async def exchange() -> bytes:
            await loop.sock_sendall(end, BYTE)
            return await loop.sock_recv(end, 1)

        async def running_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        loop = run(running_loop)
        assert isinstance(loop, asyncio.AbstractEventLoop)
        loop_thread = run(identify)
        assert isinstance(loop_thread, int)
        self.loop_thread = loop_thread
        """The kernel's id of the thread that runs the loop."""
        self._run, self._exchange = run, exchange

    def call(self) -> None:
        """Send a byte and get it back, in one call."""
        if self._run(self._exchange) != BYTE:
            raise RuntimeError("what came back is not what was sent")


@contextmanager
def _echo_process(takes: float) -> Iterator[socket.socket]:
    near, far = socket.socketpair()
    with near:
        with far:
            process = subprocess.Popen([sys.executable, "-ISc", ECHO, str(takes)], stdin=far)
        near.setblocking(False)
        try:
            yield near
        finally:
            process.kill()
            process.wait()


def open_subjects(stack: ExitStack) -> tuple[dict[IoPeer, Subject], dict[IoPeer, str]]:
    """Open each bridge with an echo process of its own, and check its answer.

    Args:
        stack: Closes them when it is closed.

    Returns:
        What can be measured, and for each other peer why it cannot.
    """
    subjects: dict[IoPeer, Subject] = {}
    left_out: dict[IoPeer, str] = {}
    for peer in PEERS:
        try:
            run = stack.enter_context(peer.open())
        except ImportError as error:
            left_out[peer] = why_left_out(error, peer.distribution)
            continue
        subjects[peer] = Subject(run, stack.enter_context(_echo_process(peer.echo_takes)))
        subjects[peer].call()
    return subjects, left_out
