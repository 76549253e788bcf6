"""The work: what every event loop is given to do, the same code for each.

A piece of work is an async function that does something `n` times on the running loop and returns
how many nanoseconds that took. It prepares (connections, threads) and clears up outside of that
time, and raises RuntimeError if what came back is not what was sent.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

clock = time.perf_counter_ns

Run = Callable[[int], Coroutine[Any, Any, int]]


class Kind(Enum):
    """What a piece of work mostly exercises; the targets are set by kind."""

    SCHEDULING = "scheduling"
    WAKING = "waking from another thread"
    ECHO = "echo through a transport"
    SOCKET = "echo on a bare socket"


@dataclass(frozen=True)
class Work:
    """One piece of work.

    Attributes:
        name: How it is named on the command line.
        title: How it is named in a table.
        unit: What is done `n` times.
        kind: What it mostly exercises.
        n: How often it is done in one batch.
        run: Does it.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    n: int
    run: Run


async def _call_soon_chain(n: int) -> int:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    left = n

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            ended.set_result(None)

    begin = clock()
    loop.call_soon(step)
    await ended
    return clock() - begin


AT_ONCE = 1000


async def _call_soon_batch(n: int) -> int:
    loop = asyncio.get_running_loop()

    async def batch() -> None:
        ended = loop.create_future()
        called = 0

        def call() -> None:
            nonlocal called
            called += 1

        for _ in range(AT_ONCE - 1):
            loop.call_soon(call)
        loop.call_soon(ended.set_result, None)
        await ended
        if called != AT_ONCE - 1:
            raise RuntimeError(f"{called} of {AT_ONCE - 1} callbacks ran before the one after them")

    begin = clock()
    for _ in range(max(1, n // AT_ONCE)):
        await batch()
    return clock() - begin


async def _turns(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def _sleep(n: int) -> int:
    begin = clock()
    await _turns(n)
    return clock() - begin


TASKS = 100


async def _tasks_sleep(n: int) -> int:
    tasks = [asyncio.create_task(_turns(max(1, n // TASKS))) for _ in range(TASKS)]
    begin = clock()
    await asyncio.gather(*tasks)
    return clock() - begin


async def _empty() -> None:
    pass


async def _create_task(n: int) -> int:
    create_task = asyncio.get_running_loop().create_task
    begin = clock()
    for _ in range(n):
        await create_task(_empty())
    return clock() - begin


# 1 to 3 ms, in an order that leaves a heap something to do. Not below 1 ms: uvloop rounds to
# milliseconds, and a delay of 0 is a call_soon there.
DELAYS = [0.001 + 0.002 * (index * 617 % AT_ONCE) / AT_ONCE for index in range(AT_ONCE)]
DUE = 5_000_000


async def _timers(n: int) -> int:
    """Schedule timers, let them come due while the loop cannot run, and let them fire.

    So the waiting, which costs every loop the same, is not in the figure, and neither is the
    coarseness of a loop's clock.
    """
    loop = asyncio.get_running_loop()

    async def batch() -> int:
        ended = loop.create_future()
        left = AT_ONCE

        def fire() -> None:
            nonlocal left
            left -= 1
            if not left:
                ended.set_result(None)

        begin = clock()
        for delay in DELAYS:
            loop.call_later(delay, fire)
        scheduled = clock()
        while clock() < scheduled + DUE:
            pass
        resumed = clock()
        await ended
        return clock() - resumed + scheduled - begin

    return sum([await batch() for _ in range(max(1, n // AT_ONCE))])


TIMEOUTS_A_TURN = 100

# The loop gets a turn now and then, as it does wherever something is waited for: several loops
# only then put away what was cancelled.
if sys.version_info >= (3, 11):
    TIMEOUT = "asyncio.timeout"

    async def _cancelled_timers(n: int) -> int:
        begin = clock()
        for index in range(n):
            async with asyncio.timeout(10):
                await _empty()
            if index % TIMEOUTS_A_TURN == 0:
                await asyncio.sleep(0)
        return clock() - begin

else:
    TIMEOUT = "asyncio.wait_for"

    async def _cancelled_timers(n: int) -> int:
        begin = clock()
        for _ in range(n):
            await asyncio.wait_for(_empty(), 10)
        return clock() - begin


async def _call_soon_threadsafe(n: int) -> int:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    begin = end = 0
    left = n

    def call() -> None:
        nonlocal left, end
        left -= 1
        if not left:
            end = clock()
            ended.set_result(None)

    def schedule() -> None:
        nonlocal begin
        begin = clock()
        for _ in range(n):
            loop.call_soon_threadsafe(call)

    thread = threading.Thread(target=schedule)
    thread.start()
    await ended
    thread.join()
    return end - begin


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

    def connection_lost(self, exc: Exception | None) -> None:
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


async def _echo_protocol(n: int) -> int:
    loop = asyncio.get_running_loop()
    lost: asyncio.Future[None] = loop.create_future()
    server = await loop.create_server(lambda: _Echo(lost), HOST, 0)
    transport, client = await loop.create_connection(_Client, *server.sockets[0].getsockname())
    await client.exchange(10)
    begin = clock()
    await client.exchange(n)
    elapsed = clock() - begin
    transport.close()
    await lost
    server.close()
    await server.wait_closed()
    return elapsed


async def _echo_streams(n: int) -> int:
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
    writer.close()
    await writer.wait_closed()
    await lost
    server.close()
    await server.wait_closed()
    return elapsed


async def _echo_socket(n: int) -> int:
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


_S = Kind.SCHEDULING

WORKS = (
    Work("chain", "call_soon, a chain", "callback", _S, 20_000, _call_soon_chain),
    Work("batch", f"call_soon, {AT_ONCE} at once", "callback", _S, 20_000, _call_soon_batch),
    Work("sleep", "sleep(0) in one task", "sleep", _S, 2_000, _sleep),
    Work("tasks", f"sleep(0) in {TASKS} tasks", "sleep", _S, 10_000, _tasks_sleep),
    Work("create", "create_task of an empty coroutine", "task", _S, 1_500, _create_task),
    Work("timers", "call_later, and it fires", "timer", _S, 3 * AT_ONCE, _timers),
    Work("cancel", f"{TIMEOUT}, not reached", "time limit", _S, 5_000, _cancelled_timers),
    Work("threadsafe", "call_soon_threadsafe", "call", Kind.WAKING, 3_000, _call_soon_threadsafe),
    Work("protocol", "TCP echo, protocol", "1 KiB there and back", Kind.ECHO, 400, _echo_protocol),
    Work("streams", "TCP echo, streams", "1 KiB there and back", Kind.ECHO, 250, _echo_streams),
    Work("sock", "TCP echo, sock_*", "1 KiB there and back", Kind.SOCKET, 250, _echo_socket),
)
