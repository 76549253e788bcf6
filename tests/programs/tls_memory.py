"""Opens TLS connections over which little goes, and prints how many KiB both ends of one take.

With "alone", how many OpenSSL takes of that: some 40 in version 3.0, and 70 in 3.6.
"""

import asyncio
import contextlib
import gc
import ssl
import sys
from pathlib import Path

import sideloop

sys.path.insert(0, str(Path(__file__).parents[1]))
from certificates import Authority

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


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's, and a client's that trusts it."""
    authority = Authority()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return server, client


def open_alone(server: ssl.SSLContext, client: ssl.SSLContext) -> list[object]:
    """The same without connections: what one end writes the other reads."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="localhost")
    its = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for end in (ours, its):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    for _ in range(3):
        ours.write(b"hello")
        assert its.read(5) == b"hello"
        its.write(b"hello")
        assert ours.read(5) == b"hello"
    return [ours, its, there, back]


def taken_alone() -> int:
    """What OpenSSL alone takes."""
    server, client = contexts()
    kept = [open_alone(server, client) for _ in range(20)]
    gc.collect()
    before = resident()
    kept += [open_alone(server, client) for _ in range(CONNECTIONS)]
    gc.collect()
    return (resident() - before) // CONNECTIONS // 1024


async def main() -> int:
    """Open some, so that what is made once is there, then many."""
    server, client = contexts()
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


if sys.argv[1:] == ["alone"]:
    print(taken_alone())
else:
    loop = sideloop.EventLoop(transports="native")
    loop.set_debug(False)
    print(loop.run_until_complete(main()))
    loop.close()
