"""Pipes: what they carry, with both ends on the loop that is measured."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from _bytes_works import KIB, Client, Clock, IoWork, Took, timed


async def _pipe(
    reader: Callable[[], asyncio.Protocol], writer: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.ReadTransport, asyncio.WriteTransport]:
    """Both ends of a pipe."""
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    there, _ = await loop.connect_read_pipe(reader, os.fdopen(read, "rb", 0))
    here, _ = await loop.connect_write_pipe(writer, os.fdopen(write, "wb", 0))
    return there, here


class PipedClient(Client):
    """The same, with a pipe for each way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pass

    def write_to(self, transport: asyncio.WriteTransport) -> None:
        """Where it is to send."""
        self._write = transport.write


class PipedServer(asyncio.Protocol):
    """Sends back what it gets, by another pipe."""

    write: Callable[[bytes], None]

    def data_received(self, data: bytes) -> None:
        self.write(data)


def pipes(size: int) -> Callable[[int], Awaitable[Took]]:
    """An echo of so many bytes: there by one pipe, and back by another one."""
    message = bytes(size)

    async def run(n: int) -> Took:
        client, server = PipedClient(message, size), PipedServer()
        there, to_server = await _pipe(lambda: server, asyncio.Protocol)
        back, to_client = await _pipe(lambda: client, asyncio.Protocol)
        client.write_to(to_server)
        server.write = to_client.write
        await client.exchange(5)
        clock = Clock()
        await client.exchange(n)
        took = clock.read()
        for transport in (to_server, to_client, there, back):
            transport.close()
        await asyncio.sleep(0.01)
        return took

    return run


async def spawn(n: int) -> Took:
    """Processes, one after the other, which send back what they get."""
    pipe = asyncio.subprocess.PIPE

    async def call() -> None:
        process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        answer, _ = await process.communicate(b"hello")
        if answer != b"hello":
            raise RuntimeError("what came back is not what was sent")

    return await timed(call, n)


PIPE_WORKS = (
    IoWork("pipe_64", "pipes echo, 64 B", 1000, pipes(64)),
    IoWork("pipe_16384", "pipes echo, 16 KiB", 500, pipes(16 * KIB)),
    IoWork("spawn", "spawn a process, and communicate", 20, spawn),
)
