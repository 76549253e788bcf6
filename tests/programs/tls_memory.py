"""Opens TLS connections over which little goes, and prints how many KiB both ends of one take."""

import asyncio
import gc
import ssl
from pathlib import Path

import trustme

import sideloop

CONNECTIONS = 100


def resident() -> int:
    """How many bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


class Answering(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(data)


async def main() -> int:
    """Open some, so that what is made once is there, then many."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    loop = asyncio.get_running_loop()
    serving = await loop.create_server(Answering, "127.0.0.1", 0, ssl=server)
    address = serving.sockets[0].getsockname()
    kept = []

    async def open_one() -> None:
        reader, writer = await asyncio.open_connection(
            *address, ssl=client, server_hostname="localhost"
        )
        for _ in range(3):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
        kept.append(writer)

    for _ in range(20):
        await open_one()
    gc.collect()
    before = resident()
    for _ in range(CONNECTIONS):
        await open_one()
    gc.collect()
    took = resident() - before
    for writer in kept:
        writer.close()
    serving.close()
    await asyncio.sleep(0.1)
    return took // CONNECTIONS // 1024


loop = sideloop.EventLoop(transports="native")
loop.set_debug(False)
print(loop.run_until_complete(main()))
loop.close()
