"""What is told of a datagram forks, and the child is left with that, as in any other callback.

The loop is a runner's, whose thread leaves it in the child.
"""

import asyncio
import os
import socket
import warnings
from typing import Any

import sideloop

# Of threads that the child does not have: it goes on with none of them.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

PARENT = os.getpid()
ENDS = os.pipe()

received: list[bytes] = []
said: list[bytes] = []


class Forking(asyncio.DatagramProtocol):
    """Forks when it is told of a datagram that says so."""

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002  # asyncio names it
        if os.getpid() != PARENT:
            os.write(ENDS[1], data)
            return
        received.append(data)
        if data != b"fork":
            return
        child = os.fork()
        if child:
            os.close(ENDS[1])
            # The child reads first, if it reads.
            said.append(os.read(ENDS[0], 10))
            os.waitpid(child, 0)


def native_loop() -> sideloop.EventLoop:
    """A loop with transports of its own."""
    loop = sideloop.EventLoop(transports="native")
    loop.set_debug(False)
    return loop


async def open_it() -> Any:
    """A transport."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Forking, local_addr=("127.0.0.1", 0))
    return transport


async def send(sock: socket.socket, address: Any, *datagrams: bytes) -> None:
    """Send these, and wait until they have come."""
    expected = len(received) + len(datagrams)
    for datagram in datagrams:
        sock.sendto(datagram, address)
    while len(received) < expected:
        await asyncio.sleep(0.001)


async def close(transport: Any) -> None:
    """Close it."""
    transport.close()


with (
    sideloop.Runner(drive="thread", loop_factory=native_loop) as runner,
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
):
    made = runner.run(open_it)
    own = made.get_extra_info("sockname")
    # So that it has found out that several come.
    for _ in range(70):
        runner.run(send, peer, own, b"warm", b"up")
    runner.run(send, peer, own, b"fork", b"2", b"3")
    runner.run(close, made)
assert said == [b""], f"the child has read {said}"
assert received[-3:] == [b"fork", b"2", b"3"], received
print("ok")
