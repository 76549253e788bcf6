"""Bytes on their way: what connections carry, with both ends on the loop that is measured.

As in `_work.py`, each piece of work times itself: the wall clock's nanoseconds and the CPU time of
the process, both for `n` answers.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

HOST = "127.0.0.1"

KIB = 1024

PIPELINED = 16
"""Requests that a client sends at once, each of which gets an answer in three pieces."""

PIECES = (b"HTTP/1.1 200 OK\r\n", b"content-length: 13\r\n\r\n", b"Hello, world!")
ANSWER = b"".join(PIECES)
REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"

Connect = Callable[
    [Callable[[], asyncio.Protocol], Callable[[], asyncio.Protocol]],
    Awaitable[tuple[asyncio.Transport, asyncio.Protocol, asyncio.AbstractServer]],
]


@dataclass(frozen=True)
class Took:
    """What a batch took, in nanoseconds."""

    wall: int
    cpu: int


class Clock:
    """Runs from its making."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter_ns(), time.process_time_ns()

    def read(self) -> Took:
        """What has passed."""
        return Took(time.perf_counter_ns() - self._wall, time.process_time_ns() - self._cpu)


async def timed(act: Callable[[], Awaitable[None]], n: int) -> Took:
    """What `n` of these take, one after the other, when a few have gone before."""
    for _ in range(5):
        await act()
    clock = Clock()
    for _ in range(n):
        await act()
    return clock.read()


async def connect_tcp(
    server: Callable[[], asyncio.Protocol], client: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Transport, asyncio.Protocol, asyncio.AbstractServer]:
    """Both ends of a TCP connection."""
    loop = asyncio.get_running_loop()
    serving = await loop.create_server(server, HOST, 0)
    address = serving.sockets[0].getsockname()
    transport, protocol = await loop.create_connection(client, *address)
    return cast(asyncio.Transport, transport), protocol, serving


async def connect_unix(
    server: Callable[[], asyncio.Protocol], client: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Transport, asyncio.Protocol, asyncio.AbstractServer]:
    """Both ends of a Unix connection."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "socket")
        serving = await loop.create_unix_server(server, path)
        transport, protocol = await loop.create_unix_connection(client, path)
    return cast(asyncio.Transport, transport), protocol, serving


class Ending(asyncio.Protocol):
    """A server's end: says when it is over."""

    def __init__(self, lost: asyncio.Future[None]) -> None:
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        self._lost.set_result(None)


class EchoServer(Ending):
    """Sends back what it gets."""

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class PipelinedServer(Ending):
    """Answers each request in several pieces, as servers of HTTP do."""

    _rest = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        write = self.transport.write
        for _ in requests:
            for piece in PIECES:
                write(piece)


class Client(asyncio.Protocol):
    """Sends, waits for as many bytes as there are to come, and sends again."""

    def __init__(self, message: bytes, size: int) -> None:
        self._message, self._size = message, size
        self._left = self._missing = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.WriteTransport, transport).write

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing < 0:
            raise RuntimeError("more came back than was asked for")
        if self._missing:
            return
        self._left -= 1
        if self._left:
            self._send()
        else:
            self.ended.set_result(None)

    def _send(self) -> None:
        self._missing = self._size
        self._write(self._message)

    async def exchange(self, n: int) -> None:
        """Do so `n` times."""
        self._left, self.ended = n, asyncio.get_running_loop().create_future()
        self._send()
        await self.ended


async def _exchange(
    connect: Connect,
    server: type[Ending],
    message: bytes,
    size: int,
    n: int,
) -> Took:
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    transport, client, serving = await connect(lambda: server(lost), lambda: Client(message, size))
    client = cast(Client, client)
    await client.exchange(5)
    clock = Clock()
    await client.exchange(n)
    took = clock.read()
    # See `echo_protocol` of `_echo.py`.
    transport.write_eof()
    await lost
    transport.close()
    serving.close()
    await serving.wait_closed()
    return took


def echo(connect: Connect, size: int) -> Callable[[int], Awaitable[Took]]:
    """An echo of so many bytes, by a protocol at each end."""
    message = bytes(size)
    return lambda n: _exchange(connect, EchoServer, message, size, n)


def pipelined(connect: Connect) -> Callable[[int], Awaitable[Took]]:
    """Many requests at once, and their answers."""
    message, size = REQUEST * PIPELINED, len(ANSWER) * PIPELINED
    return lambda n: _exchange(connect, PipelinedServer, message, size, n)


def streams(size: int) -> Callable[[int], Awaitable[Took]]:
    """An echo of so many bytes over TCP, by streams at each end."""
    message = bytes(size)

    async def run(n: int) -> Took:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1 << 18):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            lost.set_result(None)

        server = await asyncio.start_server(serve, HOST, 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())

        async def exchange() -> None:
            writer.write(message)
            # Not `drain` first: the answer to what is large comes while it is still sent.
            await reader.readexactly(size)

        took = await timed(exchange, n)
        writer.write_eof()
        await lost
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return took

    return run


async def connect_and_close(n: int) -> Took:
    """Connections over TCP, one after the other, which the client closes at once."""
    loop = asyncio.get_running_loop()
    answering: asyncio.Future[None] = loop.create_future()
    server = await loop.create_server(lambda: Ending(answering), HOST, 0)
    address = server.sockets[0].getsockname()

    async def call() -> None:
        nonlocal answering
        answering, calling = loop.create_future(), loop.create_future()
        transport, _ = await loop.create_connection(lambda: Ending(calling), *address)
        transport.close()
        await calling
        await answering

    took = await timed(call, n)
    server.close()
    await server.wait_closed()
    return took


async def open_streams(n: int) -> Took:
    """The same by streams, with an answer in between."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[None] = loop.create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()
        answered.set_result(None)

    server = await asyncio.start_server(serve, HOST, 0)
    address = server.sockets[0].getsockname()

    async def call() -> None:
        nonlocal answered
        answered = loop.create_future()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"question\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        await answered

    took = await timed(call, n)
    server.close()
    await server.wait_closed()
    return took


def sockets(size: int) -> Callable[[int], Awaitable[Took]]:
    """An echo of so many bytes, with the loop's methods for sockets at each end."""
    message = bytes(size)

    async def run(n: int) -> Took:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            there.setblocking(False)

            async def serve() -> None:
                while data := await loop.sock_recv(there, 1 << 18):
                    await loop.sock_sendall(there, data)

            async def exchange() -> None:
                await loop.sock_sendall(here, message)
                missing = size
                while missing:
                    missing -= len(await loop.sock_recv(here, 1 << 18))

            serving = loop.create_task(serve())
            took = await timed(exchange, n)
            here.shutdown(socket.SHUT_WR)
            await serving
        return took

    return run


async def resolve(n: int) -> Took:
    """Addresses of a host that is a number."""
    loop = asyncio.get_running_loop()

    async def call() -> None:
        ((_, _, _, _, found),) = await loop.getaddrinfo(HOST, 80, type=socket.SOCK_STREAM)
        if found != (HOST, 80):
            raise RuntimeError(f"{found} is not what was asked for")

    return await timed(call, n)


@dataclass(frozen=True)
class IoWork:
    """A piece of work: `n` answers a batch."""

    name: str
    title: str
    n: int
    run: Callable[[int], Awaitable[Took]]
    hangs: frozenset[str] = frozenset()
    """The loops that never end it, by name."""
    lacks: frozenset[str] = frozenset()
    """The loops that refuse it."""


NEVER_LOST = frozenset({"rloop"})
"""Where what is closed as soon as it is connected is never lost (rloop 0.5.0)."""

NO_UNIX = frozenset({"rloop"})
"""Which have no servers of Unix sockets (rloop 0.5.0)."""


WORKS = (
    *(
        IoWork(f"{kind}_{size}", f"{title} echo, {text}", n, echo(connect, size), lacks=lacks)
        for kind, title, connect, lacks in (
            ("tcp", "TCP", connect_tcp, frozenset[str]()),
            ("unix", "Unix", connect_unix, NO_UNIX),
        )
        for size, text, n in (
            (64, "64 B", 1000),
            (16 * KIB, "16 KiB", 500),
            (KIB * KIB, "1 MiB", 20),
        )
    ),
    IoWork("streams_64", "streams echo, 64 B", 500, streams(64)),
    IoWork("streams_16384", "streams echo, 16 KiB", 300, streams(16 * KIB)),
    IoWork("pipelined", f"{PIPELINED} requests at once", 300, pipelined(connect_tcp)),
    IoWork("connect", "TCP connect and close", 200, connect_and_close, NEVER_LOST),
    IoWork("streams_connect", "streams: open, ask, close", 150, open_streams, NEVER_LOST),
    IoWork("sock_64", "sock_recv and sock_sendall, 64 B", 500, sockets(64)),
    IoWork("resolve", "getaddrinfo of a number", 300, resolve),
)
