"""Reads so many bytes, often, in a fresh process, and prints how many page faults a read has taken.

An allocator maps and unmaps memory for each read where each asks for much.
"""

import asyncio
import resource
import socket
import sys

import sideloop

READS = 500

MESSAGE = bytes(int(sys.argv[1]))


class Protocol(asyncio.Protocol):
    """Counts its reads, and has the next one come."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self.left, self._came = READS, 0
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """One more."""
        self._came += len(data)
        if self._came < len(MESSAGE):
            return
        self._came = 0
        self.left -= 1
        if self.left:
            self._peer.send(MESSAGE)
        else:
            self.ended.set_result(None)


async def main() -> float:
    """Read all, twice, and count the faults of the second time."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(lambda: Protocol(peer), sock=ours)
    peer.send(MESSAGE)
    await protocol.ended
    protocol.left, protocol.ended = READS, loop.create_future()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    peer.send(MESSAGE)
    await protocol.ended
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    transport.close()
    await asyncio.sleep(0)
    peer.close()
    return faults / READS


loop = sideloop.EventLoop(transports="native")
loop.set_debug(False)
print(loop.run_until_complete(main()))
loop.close()
