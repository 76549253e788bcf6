"""The kernel refuses to send, by a filter of system calls. `failing_sends.py <errno> <pieces>`."""

import asyncio
import errno
import os
import platform
import socket
import sys
from typing import Any

from seccomp import ALLOW, CALL, EQUAL, FAIL, LOAD, RETURN, install

import sideloop

ERRNO = getattr(errno, sys.argv[1])
PIECES = int(sys.argv[2])

# The numbers of sendto and sendmsg.
NUMBERS = {"x86_64": (44, 46), "aarch64": (206, 211)}[platform.machine()]


def refuse_to_send() -> None:
    """Have the system calls that send fail from here on."""
    program = [
        (LOAD, 0, 0, CALL),
        (EQUAL, 1, 0, NUMBERS[0]),
        (EQUAL, 0, 1, NUMBERS[1]),
        (RETURN, 0, 0, FAIL | ERRNO),
        (RETURN, 0, 0, ALLOW),
    ]
    install(program)


class Protocol(asyncio.Protocol):
    """Knows why it was lost."""

    lost: Any = None

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.lost is None, "lost twice"
        self.lost = exc


async def main() -> None:
    """Write, and be told."""
    loop = asyncio.get_running_loop()
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    transport, protocol = await loop.create_connection(Protocol, sock=ours)
    refuse_to_send()
    for _ in range(PIECES):
        transport.write(b"piece")
    while protocol.lost is None:
        await asyncio.sleep(0)
    error = protocol.lost
    assert isinstance(error, OSError), error
    assert (error.errno, error.strerror) == (ERRNO, os.strerror(ERRNO)), error
    assert transport.is_closing()
    peer.close()


loop = sideloop.EventLoop(transports="native")
loop.set_debug(False)
loop.set_exception_handler(lambda _, context: sys.exit(f"told of {context}"))
loop.run_until_complete(main())
loop.close()
print("ok")
