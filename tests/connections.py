"""Connections to test transports with: one end is a transport, the other a socket of the test's."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sideloop

Event = tuple[Any, ...]


class Recorder(asyncio.Protocol):
    """Notes what it is told. What `acts` has for a method is called there, after the note."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.acts: dict[str, Callable[..., object]] = {}

    def _told(self, name: str, *args: object) -> object:
        self.events.append((name, *args))
        act = self.acts.get(name)
        return None if act is None else act(*args)

    def names(self) -> list[str]:
        """The methods that were called."""
        return [event[0] for event in self.events]

    @property
    def received(self) -> bytes:
        """All that was read."""
        return b"".join(event[1] for event in self.events if event[0] == "data_received")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: ARG002  # asyncio names it
        self._told("connection_made")

    def connection_lost(self, exc: Exception | None) -> None:
        self._told("connection_lost", exc)

    def data_received(self, data: bytes) -> None:
        self._told("data_received", data)

    def eof_received(self) -> bool | None:
        return bool(self._told("eof_received"))

    def pause_writing(self) -> None:
        self._told("pause_writing")

    def resume_writing(self) -> None:
        self._told("resume_writing")


class BufferedRecorder(asyncio.BufferedProtocol):
    """The same, which gives a buffer to read into."""

    def __init__(self, size: int = 1024) -> None:
        self.events: list[Event] = []
        self.acts: dict[str, Callable[..., object]] = {}
        self.room = bytearray(size)

    _told = Recorder._told
    names = Recorder.names
    received = Recorder.received
    connection_made = Recorder.connection_made
    connection_lost = Recorder.connection_lost
    eof_received = Recorder.eof_received
    pause_writing = Recorder.pause_writing
    resume_writing = Recorder.resume_writing

    def get_buffer(self, sizehint: int) -> Any:
        act = self.acts.get("get_buffer")
        return self.room if act is None else act(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._told("data_received", bytes(self.room[:nbytes]))


@dataclass
class Connection:
    """A transport of a loop, and the socket at the other end, which does not block."""

    loop: asyncio.AbstractEventLoop
    transport: Any
    protocol: Any
    peer: socket.socket
    reports: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What the loop's exception handler was told."""

    def do(self, *acts: Callable[[], object]) -> list[Any]:
        """Call these in one turn of the loop, and let it come to rest. Returns what they return."""
        found: list[Any] = []

        def all_at_once() -> None:
            found.extend(act() for act in acts)

        self.loop.call_soon(all_at_once)
        self.rest()
        return found

    def rest(self) -> None:
        """Turn the loop, with looks at its files."""
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0.001))

    def until(self, happened: Callable[[], object]) -> None:
        """Turn the loop until it has happened."""

        async def turn() -> None:
            while not happened():
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(asyncio.wait_for(turn(), 20))

    def at_peer(self) -> bytes:
        """What has come there by now."""
        found = bytearray()
        with contextlib.suppress(OSError):
            while data := self.peer.recv(1 << 20):
                found += data
        return bytes(found)


def noting(reports: list[dict[str, Any]]) -> Callable[[asyncio.AbstractEventLoop, Any], None]:
    """An exception handler that keeps what it is told, and whether that is being handled then."""

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        reports.append({**context, "handled": sys.exc_info()[1] is context.get("exception")})

    return note


def open_files() -> set[int]:
    """The descriptors that this process has open."""
    return {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}


def pair(kind: str) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that do not block."""
    if kind == "unix":
        ours, peer = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
    ours.setblocking(False)
    peer.setblocking(False)
    return ours, peer


@contextlib.contextmanager
def connected(
    kind: str = "unix",
    *,
    transports: Any = "native",
    protocol: Any = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Iterator[Connection]:
    """A connection, and its end."""
    if loop is None:
        loop = sideloop.EventLoop(transports=transports)
        # Which would have asyncio's own.
        loop.set_debug(False)
    ours, peer = pair(kind)
    told = Recorder() if protocol is None else protocol
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(noting(reports))
    connecting = loop.create_connection(lambda: told, sock=ours)
    transport, _ = loop.run_until_complete(connecting)
    connection = Connection(loop, transport, told, peer, reports)
    try:
        yield connection
    finally:
        peer.close()
        # asyncio's own fails where it has closed by itself, with its last bytes.
        with contextlib.suppress(AttributeError):
            transport.abort()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
