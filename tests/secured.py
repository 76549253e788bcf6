"""TLS connections to test with: one end is a transport, the other a socket and OpenSSL, by hand."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from certificates import Authority
from connections import Connection, Recorder, noting, pair

import sideloop

since_311 = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="asyncio's SSLProtocol was another one"
)


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's, and one of a client that trusts it."""
    authority = Authority()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return server, client


def server_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    """One whose connections are of this version."""
    authority = Authority()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    server.maximum_version = version
    return server


def loop_of(transports: Any = "native") -> asyncio.AbstractEventLoop:
    """A loop without debug mode, which would have asyncio's own."""
    loop = sideloop.EventLoop(transports=transports)
    loop.set_debug(False)
    return loop


def layer(transport: Any) -> Any:
    """What stands between a transport and its socket's."""
    return transport._ssl_protocol


class Peer:
    """The other end. Nothing of it happens but by its methods, which do not wait."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server_side else "localhost"
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=name
        )
        self._is_shaken = False
        self.received = bytearray()
        self.said_end = False
        """Whether the transport has said by TLS that it ends."""

    def turn(self) -> None:
        """Take what has come, and send what is to be sent."""
        with contextlib.suppress(OSError):
            while data := self.sock.recv(1 << 18):
                self._incoming.write(data)
        with contextlib.suppress(ssl.SSLError):
            self._advance()
        self._flush()

    def send(self, data: bytes) -> None:
        """Send this as TLS."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.write(data)
        self._flush()

    def say_end(self) -> None:
        """Say by TLS that nothing more will come."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self._flush()

    def send_raw(self, data: bytes) -> None:
        """Send these bytes as they are."""
        with contextlib.suppress(OSError):
            self.sock.send(data)

    def records(self, data: bytes) -> bytes:
        """What would be sent."""
        self.tls.write(data)
        return self._outgoing.read()

    def _advance(self) -> None:
        if not self._is_shaken:
            self.tls.do_handshake()
            self._is_shaken = True
        while data := self.tls.read(1 << 16):
            self.received += data
        self.said_end = True

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            with contextlib.suppress(OSError):
                self.sock.sendall(data)


@contextlib.contextmanager
def secured(
    *,
    transports: Any = "native",
    protocol: Any = None,
    server_side: bool = False,
    given: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    **options: Any,
) -> Iterator[tuple[Connection, Peer]]:
    """A connection whose handshake is over, and its end."""
    loop = loop_of(transports)
    ours, theirs = pair("unix")
    told = Recorder() if protocol is None else protocol
    server, client = contexts() if given is None else given
    peer = Peer(theirs, client if server_side else server, server_side=not server_side)
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(noting(reports))
    connection = Connection(loop, None, told, theirs, reports)

    async def connect() -> Any:
        if server_side:
            connecting = loop.connect_accepted_socket(lambda: told, ours, ssl=server, **options)
        else:
            name = "localhost"
            connecting = loop.create_connection(
                lambda: told, sock=ours, ssl=client, server_hostname=name, **options
            )
        task = asyncio.ensure_future(connecting)
        while not task.done():
            peer.turn()
            await asyncio.sleep(0)
        transport, _ = await task
        return transport

    try:
        connection.transport = loop.run_until_complete(connect())
        connection.rest()
        peer.turn()
        yield connection, peer
    finally:
        theirs.close()
        if connection.transport is not None and not connection.transport.is_closing():
            connection.transport.abort()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
