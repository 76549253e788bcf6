"""Audit hooks hear of each datagram what they hear on asyncio's transports, and may refuse it."""

import asyncio
import socket
import sys
from typing import Any

import sideloop

heard: list[Any] = []
refuse: list[BaseException] = []


def hear(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.sendto":
        sock, address = args
        heard.append((type(sock).__name__, address))
        if refuse:
            raise refuse.pop()


sys.addaudithook(hear)


class Protocol(asyncio.DatagramProtocol):
    """Notes what it is told."""

    def error_received(self, exc: Exception) -> None:
        heard.append(f"error {exc!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        heard.append(f"lost {exc!r}")


def run(transports: Any) -> list[Any]:
    """What is heard on a loop of these."""
    heard.clear()
    loop = sideloop.EventLoop(transports=transports)
    loop.set_debug(False)
    loop.set_exception_handler(lambda _, context: heard.append(f"told {context['exception']!r}"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(10)
        opening = loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
        transport, _ = loop.run_until_complete(opening)
        there = peer.getsockname()
        transport.sendto(b"data", there)
        transport.sendto(b"data", there)
        assert [peer.recv(10), peer.recv(10)] == [b"data", b"data"]
        for error in (PermissionError("no"), KeyboardInterrupt("no"), ValueError("no")):
            refuse.append(error)
            try:
                transport.sendto(b"refused", there)
            except KeyboardInterrupt as raised:
                heard.append(repr(raised))
        loop.run_until_complete(asyncio.sleep(0.001))
        peer.setblocking(False)
        try:
            heard.append(peer.recv(10))
        except BlockingIOError:
            heard.append("nothing came")
    loop.close()
    return [str(one).replace(str(there[1]), "there") for one in heard]


ours, asyncios = run("native"), run("asyncio")
assert ours == asyncios, f"{ours} where asyncio's own do {asyncios}"
assert ours.count("('socket', ('127.0.0.1', there))") == 5, ours
assert ours[-1] == "nothing came", ours
print("ok")
