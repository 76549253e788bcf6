"""The same work over TLS, with both ends on the loop that is measured: see `_bytes_works.py`."""

from __future__ import annotations

import asyncio
import functools
import ssl
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from _bytes_works import (
    HOST,
    KIB,
    Client,
    Clock,
    EchoServer,
    Ending,
    IoWork,
    Took,
    timed,
)

_NEW_CERTIFICATE = (
    *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    *("-addext", "subjectAltName=DNS:localhost"),
)


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's, and one of a client that trusts it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = Path(directory) / "key.pem", Path(directory) / "certificate.pem"
        command = [*_NEW_CERTIFICATE, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        server.load_cert_chain(certificate, key)
        client.load_verify_locations(certificate)
    return server, client


async def _connect(
    server: Callable[[], asyncio.Protocol], client: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Transport, asyncio.Protocol, asyncio.AbstractServer]:
    loop = asyncio.get_running_loop()
    its, ours = contexts()
    serving = await loop.create_server(server, HOST, 0, ssl=its)
    address = serving.sockets[0].getsockname()
    transport, protocol = await loop.create_connection(
        client, *address, ssl=ours, server_hostname="localhost"
    )
    return transport, protocol, serving


def _echo(size: int) -> Callable[[int], Awaitable[Took]]:
    message = bytes(size)

    async def run(n: int) -> Took:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        transport, protocol, serving = await _connect(
            lambda: EchoServer(lost), lambda: Client(message, size)
        )
        client = cast(Client, protocol)
        await client.exchange(5)
        clock = Clock()
        await client.exchange(n)
        took = clock.read()
        transport.close()
        await lost
        serving.close()
        await serving.wait_closed()
        return took

    return run


class _Sink(Ending):
    """Counts what comes."""

    def __init__(self, lost: asyncio.Future[None], size: int) -> None:
        super().__init__(lost)
        self._left = size
        self.full: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if not self._left:
            self.full.set_result(None)


class _Source(Ending):
    """Sends as fast as it may."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().create_future())
        self.may_write = asyncio.Event()
        self.may_write.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()


def _transfer(piece: int) -> Callable[[int], Awaitable[Took]]:
    message = bytes(piece)

    async def run(n: int) -> Took:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sinks: list[_Sink] = []

        def serve() -> _Sink:
            sinks.append(_Sink(lost, n * piece))
            return sinks[0]

        transport, protocol, serving = await _connect(serve, _Source)
        source = cast(_Source, protocol)
        clock = Clock()
        for _ in range(n):
            transport.write(message)
            await source.may_write.wait()
        await sinks[0].full
        took = clock.read()
        transport.close()
        await lost
        serving.close()
        await serving.wait_closed()
        return took

    return run


async def _connect_and_close(n: int) -> Took:
    loop = asyncio.get_running_loop()
    its, ours = contexts()
    answering: asyncio.Future[None] = loop.create_future()
    server = await loop.create_server(lambda: Ending(answering), HOST, 0, ssl=its)
    address = server.sockets[0].getsockname()

    async def call() -> None:
        nonlocal answering
        answering, calling = loop.create_future(), loop.create_future()
        transport, _ = await loop.create_connection(
            lambda: Ending(calling), *address, ssl=ours, server_hostname="localhost"
        )
        transport.close()
        await calling
        await answering

    took = await timed(call, n)
    server.close()
    await server.wait_closed()
    return took


NO_TLS = frozenset({"rloop"})
"""Whose servers take no TLS (rloop 0.5.0)."""

TLS_WORKS = (
    IoWork("tls_64", "TLS echo, 64 B", 500, _echo(64), lacks=NO_TLS),
    IoWork("tls_16384", "TLS echo, 16 KiB", 300, _echo(16 * KIB), lacks=NO_TLS),
    IoWork("tls_transfer", "TLS, 1 MiB one way", 16, _transfer(KIB * KIB), lacks=NO_TLS),
    IoWork("tls_connect", "TLS connect and close", 40, _connect_and_close, lacks=NO_TLS),
)
