"""The kernel refuses to send, by a filter of system calls. `failing_datagrams.py <errno> <way>`.

It refuses what is of one length, on our transports and on asyncio's: what they do is compared.
"""

import asyncio
import errno
import platform
import socket
import sys
from typing import Any

from seccomp import ALLOW, CALL, EQUAL, FAIL, LOAD, RETURN, THIRD_ARGUMENT, install

import sideloop

ERRNO = getattr(errno, sys.argv[1])
WAY = sys.argv[2]

REFUSED = 1234
"""Datagrams of this length."""

NUMBER = {"x86_64": 44, "aarch64": 206}[platform.machine()]
"""Of sendto."""


def refuse_some() -> None:
    """Have the system call fail from here on where it is to send so much."""
    program = [
        (LOAD, 0, 0, CALL),
        (EQUAL, 0, 3, NUMBER),
        (LOAD, 0, 0, THIRD_ARGUMENT),
        (EQUAL, 0, 1, REFUSED),
        (RETURN, 0, 0, FAIL | ERRNO),
        (RETURN, 0, 0, ALLOW),
    ]
    install(program)


class Protocol(asyncio.DatagramProtocol):
    """Notes what it is told."""

    def __init__(self, events: list[str]) -> None:
        self._events = events

    def connection_lost(self, exc: Exception | None) -> None:
        self._events.append(f"lost {exc!r}")

    def error_received(self, exc: Exception) -> None:
        self._events.append(f"error {exc!r}")

    def pause_writing(self) -> None:
        self._events.append("pause")

    def resume_writing(self) -> None:
        self._events.append("resume")


async def use(peer: socket.socket) -> list[Any]:
    """What comes of it."""
    loop = asyncio.get_running_loop()
    events: list[Any] = []
    remote = {"remote_addr": peer.getsockname()} if WAY == "connected" else {}
    transport: Any
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Protocol(events), local_addr=("127.0.0.1", 0), **remote
    )
    address = None if remote else peer.getsockname()
    transport.set_write_buffer_limits(high=3000)

    def sent() -> None:
        try:
            while True:
                data = peer.recv(4096)
                events.append(f"{len(data)} {data[:1]!r}")
        except BlockingIOError:
            pass

    transport.sendto(b"1", address)
    changing = bytearray(b"2" * REFUSED)
    transport.sendto(changing, address)
    changing[:] = bytes(REFUSED)
    events.append(transport.get_write_buffer_size())
    # These are not refused, but wait if the others do.
    transport.sendto(b"3" * 10, address)
    transport.sendto(b"4" * REFUSED, address)
    transport.sendto(b"5" * REFUSED, address)
    events.append(transport.get_write_buffer_size())
    for _ in range(3):
        await asyncio.sleep(0.001)
    sent()
    # What nobody takes is forgotten, and the others leave.
    waiting = transport._buffer
    for _ in range(len(waiting)):
        data, to = waiting.popleft()
        if len(data) != REFUSED:
            waiting.append((data, to))
    for _ in range(3):
        await asyncio.sleep(0.001)
    sent()
    transport.sendto(b"6", address)
    sent()
    transport.sendto(b"7" * REFUSED, address)
    transport.close()
    events.append(transport.is_closing())
    for _ in range(3):
        await asyncio.sleep(0.001)
    transport.abort()
    for _ in range(3):
        await asyncio.sleep(0.001)
    return events


def run(transports: Any) -> list[Any]:
    """The same on a loop of these."""
    loop = sideloop.EventLoop(transports=transports)
    loop.set_debug(False)
    reports: list[Any] = []
    loop.set_exception_handler(lambda _, context: reports.append(repr(context["exception"])))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        events = loop.run_until_complete(use(peer))
    loop.close()
    return [events, reports]


refuse_some()
ours, asyncios = run("native"), run("asyncio")
assert ours == asyncios, f"{ours} where asyncio's own do {asyncios}"
told = "error" if sys.argv[1] in ("ENOBUFS", "ENETUNREACH") else "pause"
assert any(told in str(event) for event in ours[0]), ours
print("ok")
