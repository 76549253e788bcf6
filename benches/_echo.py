"""Echo work: 1 KiB over TCP and back, both ends on one loop. For what work is see `_work.py`."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import cast

clock = time.perf_counter_ns

MESSAGE = bytes(range(256)) * 4
HOST = "127.0.0.1"


def _check(answer: bytes) -> None:
    if answer != MESSAGE:
        raise RuntimeError(f"{len(answer)} bytes came back that are not the {len(MESSAGE)} sent")


async def _time_echo(exchange: Callable[[], Awaitable[bytes]], n: int) -> int:
    """Time `n` round trips on a connection that has already carried a few."""
    for _ in range(10):
        _check(await exchange())
    begin = clock()
    for _ in range(n):
        answer = await exchange()
    elapsed = clock() - begin
    _check(answer)
    return elapsed


class _Echo(asyncio.Protocol):
    """The server's end: sends back what it gets."""

    def __init__(self, lost: asyncio.Future[None]) -> None:
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.WriteTransport, transport).write

    def data_received(self, data: bytes) -> None:
        self._write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        self._lost.set_result(None)


class _Client(asyncio.Protocol):
    """The client's end: sends the message again as soon as it has come back, `left` times."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = 0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = cast(asyncio.WriteTransport, transport).write

    def data_received(self, data: bytes) -> None:
        if self._answer or len(data) < len(MESSAGE):
            data = self._answer = self._answer + data
            if len(data) < len(MESSAGE):
                return
            self._answer = b""
        _check(data)
        self.left -= 1
        if self.left:
            self.write(MESSAGE)
        else:
            self.ended.set_result(None)

    async def exchange(self, n: int) -> None:
        """Send the message and get it back, `n` times."""
        self.left, self.ended = n, asyncio.get_running_loop().create_future()
        self.write(MESSAGE)
        await self.ended


async def echo_protocol(n: int) -> int:
    """Echo through a protocol at each end."""
    loop = asyncio.get_running_loop()
    lost: asyncio.Future[None] = loop.create_future()
    server = await loop.create_server(lambda: _Echo(lost), HOST, 0)
    transport, client = await loop.create_connection(_Client, *server.sockets[0].getsockname())
    await client.exchange(10)
    begin = clock()
    await client.exchange(n)
    elapsed = clock() - begin
    # `close` alone leaves the server waiting on rloop 0.5, which tells the other end nothing.
    transport.write_eof()
    await lost
    transport.close()
    server.close()
    await server.wait_closed()
    return elapsed


async def echo_streams(n: int) -> int:
    """Echo through a pair of streams at each end."""
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(len(MESSAGE)):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        lost.set_result(None)

    server = await asyncio.start_server(echo, HOST, 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())

    async def exchange() -> bytes:
        writer.write(MESSAGE)
        await writer.drain()
        return await reader.readexactly(len(MESSAGE))

    elapsed = await _time_echo(exchange, n)
    writer.write_eof()
    await lost
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return elapsed


async def echo_socket(n: int) -> int:
    """Echo through the loop's own socket operations at each end."""
    loop = asyncio.get_running_loop()
    with socket.create_server((HOST, 0)) as server, socket.socket() as client:
        for end in (server, client):
            end.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        async def echo() -> None:
            connection, _ = await loop.sock_accept(server)
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while data := await loop.sock_recv(connection, len(MESSAGE)):
                    await loop.sock_sendall(connection, data)

        async def exchange() -> bytes:
            await loop.sock_sendall(client, MESSAGE)
            answer = await loop.sock_recv(client, len(MESSAGE))
            while len(answer) < len(MESSAGE):
                rest = await loop.sock_recv(client, len(MESSAGE) - len(answer))
                if not rest:
                    break
                answer += rest
            return answer

        serving = asyncio.create_task(echo())
        await loop.sock_connect(client, server.getsockname())
        elapsed = await _time_echo(exchange, n)
        client.shutdown(socket.SHUT_WR)
        await serving
    return elapsed
