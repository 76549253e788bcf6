"""The kernel refuses to send, by a filter of system calls. `failing_sends.py <errno> <pieces>`.

There is no other way to have it say that it has no memory for a socket.
"""

import asyncio
import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from typing import Any

import sideloop

ERRNO = getattr(errno, sys.argv[1])
PIECES = int(sys.argv[2])

# The numbers of sendto and sendmsg.
NUMBERS = {"x86_64": (44, 46), "aarch64": (206, 211)}[platform.machine()]

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def refuse_to_send() -> None:
    """Have the system calls that send fail from here on."""
    program = [
        (LOAD, 0, 0, 0),
        (EQUAL, 1, 0, NUMBERS[0]),
        (EQUAL, 0, 1, NUMBERS[1]),
        (RETURN, 0, 0, FAIL | ERRNO),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    told = ctypes.create_string_buffer(head)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, told)):
        if prctl(*option, 0, 0):
            raise OSError(ctypes.get_errno(), "no filter of system calls")


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
