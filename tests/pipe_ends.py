"""Pipes to test transports with: one end is a transport, the other a descriptor of the test's."""

import asyncio
import contextlib
import os
import socket
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from connections import Connection, Event, Recorder, noting
from endpoints import native_loop

KINDS = ["pipe", "socket"]


@dataclass
class PipeEnd:
    """A transport of a loop, and the other end of its pipe, which does not block."""

    loop: asyncio.AbstractEventLoop
    transport: Any
    protocol: Any
    peer: Any
    """None once it is closed."""
    fd: int
    reports: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What the loop's exception handler was told."""

    do = Connection.do
    rest = Connection.rest
    until = Connection.until

    def there(self, act: Callable[[int], object]) -> None:
        """Do so at the other end, and let the loop come to rest."""
        act(self.peer)
        self.rest()

    def at_peer(self, most: int = 1 << 20) -> bytes:
        """What has come there by now."""
        found = bytearray()
        with contextlib.suppress(OSError):
            while len(found) < most and (data := os.read(self.peer, most - len(found))):
                found += data
        return bytes(found)

    def told(self, name: str) -> list[Event]:
        """How the protocol was told of this."""
        return [event for event in self.protocol.events if event[0] == name]


def _ends(way: str, kind: str) -> tuple[int, int]:
    """The transport's, and the other one."""
    if kind == "pipe":
        reader, writer = os.pipe()
        return (reader, writer) if way == "read" else (writer, reader)
    if kind == "socket":
        here, there = socket.socketpair()
        return here.detach(), there.detach()
    there, here = os.openpty()
    attributes = termios.tcgetattr(here)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(here, termios.TCSANOW, attributes)
    return here, there


@contextlib.contextmanager
def opened_pipe(
    way: str, kind: str = "pipe", *, loop: Any = None, protocol: Any = None
) -> Iterator[PipeEnd]:
    """A transport of one end: to read, or to write. The loop is closed with it."""
    loop = native_loop() if loop is None else loop
    protocol = Recorder() if protocol is None else protocol
    here, there = _ends(way, kind)
    os.set_blocking(there, False)
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(noting(reports))
    connect = {"read": loop.connect_read_pipe, "write": loop.connect_write_pipe}[way]
    file = os.fdopen(here, "rb" if way == "read" else "wb", 0)
    transport, _ = loop.run_until_complete(connect(lambda: protocol, file))
    end = PipeEnd(loop, transport, protocol, there, here, reports)
    try:
        yield end
    finally:
        transport.close()
        end.rest()
        if transport._pipe is not None:  # what was written has not left, and does not any more
            transport.abort()
            end.rest()
        if end.peer is not None:
            os.close(end.peer)
        loop.close()
