"""Sockets of datagrams to test transports with: one is a transport's, the other a test's own."""

import asyncio
import contextlib
import select
import socket
import sys
from collections.abc import Iterator
from typing import Any

from connections import Connection, Recorder, noting

import sideloop

HOSTS = {"v4": "127.0.0.1", "v6": "::1"}
FAMILIES = {"v4": socket.AF_INET, "v6": socket.AF_INET6}

WAYS = ("bound", "connected", "for_one")
"""How a transport is made: with an address of its own, with a peer that the kernel knows, and with
one that the kernel does not know (as whoever wants to broadcast has it)."""


class Listener(asyncio.DatagramProtocol):
    """Notes what it is told, as `Recorder` does."""

    __init__ = Recorder.__init__
    _told = Recorder._told
    names = Recorder.names
    connection_made = Recorder.connection_made
    connection_lost = Recorder.connection_lost
    pause_writing = Recorder.pause_writing
    resume_writing = Recorder.resume_writing

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._told("datagram_received", data, addr)

    def error_received(self, exc: Exception) -> None:
        self._told("error_received", exc)

    @property
    def received(self) -> list[bytes]:
        """The datagrams."""
        return [event[1] for event in self.events if event[0] == "datagram_received"]

    @property
    def errors(self) -> list[Any]:
        """What it was told of."""
        return [event[1] for event in self.events if event[0] == "error_received"]


class Endpoint(Connection):
    """A transport of a loop, and a socket that it can reach, which does not block."""

    @property
    def own(self) -> Any:
        """The transport's address."""
        return self.transport.get_extra_info("sockname")

    @property
    def there(self) -> Any:
        """The peer's."""
        return self.peer.getsockname()

    def send(self, *datagrams: bytes) -> None:
        """Have the peer send these."""
        for datagram in datagrams:
            self.peer.sendto(datagram, self.own)

    def at_peer(self) -> Any:
        """The datagrams that have come there by now."""
        found: list[bytes] = []
        with contextlib.suppress(OSError):
            while True:
                found.append(self.peer.recv(1 << 18))
        return found

    def until_read(self) -> None:
        """Turn the loop until nothing is there that it would read."""
        self.rest()
        for _ in range(1000):
            if self.transport.is_closing() or not self._is_read():
                break
            sock = self.transport.get_extra_info("socket")
            if not select.select([sock], [], [], 0)[0]:
                break
            self.rest()
        else:
            raise AssertionError("there is always something to read")
        self.rest()

    def _is_read(self) -> bool:
        # CPython 3.10 cannot pause transports of datagrams.
        return sys.version_info < (3, 11) or self.transport.is_reading()


def has_v6() -> bool:
    """Whether this machine speaks IPv6 with itself."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def native_loop() -> sideloop.EventLoop:
    """A loop with transports of its own, also where Python is in its development mode."""
    loop = sideloop.EventLoop(transports="native")
    loop.set_debug(False)
    return loop


@contextlib.contextmanager
def closing_native_loop() -> Iterator[sideloop.EventLoop]:
    """Such a loop, which is closed in the end, and its threads before."""
    loop = native_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@contextlib.contextmanager
def opened(
    kind: str = "v4",
    way: str = "bound",
    *,
    transports: Any = "native",
    protocol: Any = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Iterator[Endpoint]:
    """An endpoint, and its end."""
    if loop is None:
        loop = sideloop.EventLoop(transports=transports)
        loop.set_debug(False)
    peer = socket.socket(FAMILIES[kind], socket.SOCK_DGRAM)
    peer.bind((HOSTS[kind], 0))
    peer.setblocking(False)
    told = Listener() if protocol is None else protocol
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(noting(reports))
    options: dict[str, Any] = {"local_addr": (HOSTS[kind], 0)}
    if way != "bound":
        options["remote_addr"] = peer.getsockname()[:2]
    if way == "for_one":
        options["allow_broadcast"] = True
    opening = loop.create_datagram_endpoint(lambda: told, **options)
    transport, _ = loop.run_until_complete(opening)
    endpoint = Endpoint(loop, transport, told, peer, reports)
    try:
        yield endpoint
    finally:
        peer.close()
        transport.abort()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
