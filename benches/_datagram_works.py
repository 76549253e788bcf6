"""Datagrams over UDP, with both ends on the loop that is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from _bytes_works import HOST, Clock, IoWork, Took


class DatagramEcho(asyncio.DatagramProtocol):
    """Sends each datagram back to where it came from."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)


class DatagramClient(asyncio.DatagramProtocol):
    """Sends a datagram for each that comes back."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._to_send = self._to_come = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002  # asyncio names them
        self._to_come -= 1
        if self._to_send:
            self._to_send -= 1
            self._transport.sendto(self._message)
        elif not self._to_come:
            self.ended.set_result(None)

    async def exchange(self, n: int, window: int) -> None:
        """Do so `n` times, with so many on their way at once."""
        self.ended = asyncio.get_running_loop().create_future()
        self._to_come, self._to_send = n, n - window
        for _ in range(window):
            self._transport.sendto(self._message)
        await self.ended


def datagrams(size: int, window: int) -> Callable[[int], Awaitable[Took]]:
    """An echo of datagrams of so many bytes, with so many on their way at once."""
    message = bytes(size)

    async def run(n: int) -> Took:
        loop = asyncio.get_running_loop()
        serving, _ = await loop.create_datagram_endpoint(DatagramEcho, local_addr=(HOST, 0))
        transport, client = await loop.create_datagram_endpoint(
            lambda: DatagramClient(message), remote_addr=serving.get_extra_info("sockname")
        )
        await client.exchange(2 * window, window)
        clock = Clock()
        await client.exchange(n, window)
        took = clock.read()
        transport.close()
        serving.close()
        await asyncio.sleep(0)
        return took

    return run


DATAGRAM_WORKS = (
    IoWork("udp", "UDP echo, 64 B", 1000, datagrams(64, 1)),
    IoWork("udp_window", "UDP echo, 64 B, 32 at once", 2000, datagrams(64, 32)),
)
