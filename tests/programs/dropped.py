"""Opens very many connections and drops each in one of many ways, which must leave nothing.

`dropped.py <tcp, unix or tls> <count>`. Prints the ways.
"""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import struct
import sys
import tempfile
import warnings
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sideloop

sys.path.insert(0, str(Path(__file__).parents[1]))
from certificates import Authority

KIND, COUNT = sys.argv[1], int(sys.argv[2])

LARGE = bytes(1 << 20)
"""More than a socket takes at once: some of it is still here when the connection goes."""

# asyncio's own TLS has rooms of 256 KiB, which leave memory in pieces.
MEMORY = (80 if "SIDELOOP_LOOPS_OF" in os.environ else 8) * 2**20
"""The allocator keeps some of what was freed."""

REST = 0.02
"""Seconds in which what has been dropped is noticed by the other end."""

made: weakref.WeakSet[Any] = weakref.WeakSet()
"""The transports."""

reports: list[dict[str, Any]] = []


class End(asyncio.Protocol):
    """One end of a connection."""

    other: "End | None" = None
    transport: Any

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made, self.lost = loop.create_future(), loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        made.add(transport)
        self.made.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        self.lost.set_result(None)


class Raising(End):
    """A client whose callbacks raise."""

    def data_received(self, data: bytes) -> None:  # noqa: ARG002  # asyncio names it
        raise ZeroDivisionError

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        raise ZeroDivisionError


class Place:
    """A server, and how to reach it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: str) -> None:
        self._loop, self._path = loop, f"{folder}/socket"
        self._secured: dict[str, Any] = {}
        self._accepted: asyncio.Queue[End] = asyncio.Queue()

    async def open(self) -> None:
        options: dict[str, Any] = {}
        if KIND == "tls":
            authority = Authority()
            server = options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(server)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            authority.configure_trust(context)
            self._secured = {"ssl": context, "server_hostname": "localhost"}
        if KIND == "unix":
            self.server = await self._loop.create_unix_server(self._accept, self._path)
            return
        self.server = await self._loop.create_server(self._accept, "127.0.0.1", 0, **options)
        self.address = self.server.sockets[0].getsockname()

    def _accept(self) -> End:
        end = End()
        self._accepted.put_nowait(end)
        return end

    async def connect(self, protocol: type[End] = End) -> End:
        """Open a connection, both ends of which are known."""
        if KIND == "unix":
            _, client = await self._loop.create_unix_connection(protocol, self._path)
        else:
            _, client = await self._loop.create_connection(protocol, *self.address, **self._secured)
        client.other = await self._accepted.get()
        await client.other.made
        return client

    async def dial(self) -> socket.socket:
        """A bare socket that is connected, and the server's end of it."""
        family = socket.AF_UNIX if KIND == "unix" else socket.AF_INET
        sock = socket.socket(family)
        sock.setblocking(False)
        await self._loop.sock_connect(sock, self._path if KIND == "unix" else self.address)
        return sock

    async def begin(self) -> None:
        """Begin to connect, and think better of it."""
        task = asyncio.ensure_future(self.connect())
        for _ in range(2):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await task

    async def forget(self) -> None:
        """Forget those that nobody has asked for: they were connected by sockets of others."""
        await asyncio.sleep(REST)
        while not self._accepted.empty():
            end = self._accepted.get_nowait()
            if end.made.done():
                end.transport.abort()
        await asyncio.sleep(REST)


async def both_lost(client: End) -> None:
    assert client.other is not None
    await asyncio.wait_for(asyncio.gather(client.lost, client.other.lost), 30)


async def client_closes(place: Place) -> None:
    client = await place.connect()
    client.transport.close()
    await both_lost(client)


async def server_closes(place: Place) -> None:
    client = await place.connect()
    client.other.transport.close()
    await both_lost(client)


async def client_aborts(place: Place) -> None:
    client = await place.connect()
    client.transport.abort()
    await both_lost(client)


async def both_close(place: Place) -> None:
    client = await place.connect()
    client.transport.close()
    client.other.transport.abort()
    await both_lost(client)


async def closes_with_unsent(place: Place) -> None:
    client = await place.connect()
    client.transport.write(LARGE)
    client.transport.close()
    await both_lost(client)


async def with_unsent(place: Place) -> End:
    """A client of which much has been written, to a server that does not read."""
    client = await place.connect()
    client.other.transport.pause_reading()
    for _ in range(3):
        client.transport.write(LARGE)
    return client


async def aborts_with_unsent(place: Place) -> None:
    client = await with_unsent(place)
    client.transport.abort()
    client.other.transport.resume_reading()
    await both_lost(client)


async def peer_goes_with_unsent(place: Place) -> None:
    client = await with_unsent(place)
    client.other.transport.abort()
    await both_lost(client)


async def ends_by_halves(place: Place) -> None:
    client = await place.connect()
    if client.transport.can_write_eof():
        client.transport.write(b"the last")
        client.transport.write_eof()
    else:
        client.transport.close()
    await both_lost(client)


async def callbacks_raise(place: Place) -> None:
    client = await place.connect(Raising)
    client.other.transport.write(b"hello")
    await both_lost(client)
    assert any(isinstance(report.get("exception"), ZeroDivisionError) for report in reports)
    reports.clear()


async def nobody_keeps_it(place: Place) -> None:
    client = await place.connect()
    other = client.other
    client.transport.pause_reading()
    del client
    collect_unclosed()
    other.transport.abort()
    await other.lost


async def read_by_nobody(place: Place) -> None:
    client = await place.connect()
    client.transport.pause_reading()
    client.other.transport.write(LARGE)
    await asyncio.sleep(0)
    client.transport.close()
    await both_lost(client)


async def swapped(place: Place) -> None:
    client = await place.connect()
    after = End()
    after.other = client.other
    client.transport.set_protocol(after)
    client.transport.close()
    await both_lost(after)
    client.lost.cancel()


async def connecting_is_cancelled(place: Place) -> None:
    await place.begin()
    await place.forget()


async def peer_resets(place: Place) -> None:
    sock = await place.dial()
    sock.send(b"no hello of TLS, at any rate")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    await place.forget()


async def peer_says_nothing(place: Place) -> None:
    sock = await place.dial()
    sock.close()
    await place.forget()


QUICK: list[Callable[[Place], Awaitable[None]]] = [
    client_closes,
    server_closes,
    client_aborts,
    both_close,
    closes_with_unsent,
    aborts_with_unsent,
    peer_goes_with_unsent,
    ends_by_halves,
    callbacks_raise,
    nobody_keeps_it,
    read_by_nobody,
    swapped,
]
WITH_REST = [connecting_is_cancelled, peer_resets, peer_says_nothing]
"""Those that have to wait until the other end has noticed: many at once."""


def collect_unclosed() -> None:
    """Collect what nobody has closed, which says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )


async def drop(place: Place, count: int) -> None:
    """So many connections of each way, and what is left of them."""
    for way in QUICK:
        for _ in range(count):
            await way(place)
    for way in WITH_REST:
        for _ in range(0, count, 20):
            await asyncio.gather(*(way(place) for _ in range(20)))
    await place.forget()


async def main(folder: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.append(context))
    place = Place(loop, folder)
    await place.open()
    ways = len(QUICK) + len(WITH_REST)
    # What is made once is there after some.
    await drop(place, 40)
    collect_unclosed()
    before, memory = files(), resident()
    await drop(place, -(-COUNT // ways))
    await asyncio.sleep(REST)
    collect_unclosed()
    assert not list(made), f"{len(made)} transports are still there"
    assert files() == before, (before, files())
    assert resident() - memory < MEMORY, (memory, resident())
    unexpected = [report for report in reports if not isinstance(report.get("exception"), OSError)]
    assert not unexpected, unexpected[:3]
    place.server.close()
    await place.server.wait_closed()


warnings.simplefilter("error")
loop = sideloop.EventLoop()
loop.set_debug(False)
with tempfile.TemporaryDirectory() as directory:
    loop.run_until_complete(main(directory))
loop.close()
print("nothing is left")
