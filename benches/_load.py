"""A client in a process of its own: connections that ask a server of HTTP again and again.

    python benches/_load.py PORT CONNECTIONS ACTIVE

Opens all, and asks once by each. Then, for each number that it reads, it asks so many times, by the
active ones alone, each of which asks again as soon as it has its answer, and prints the
nanoseconds. What it gets is compared with the first answer's length, and with its first line.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Iterable, Iterator

REQUEST = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
PATIENCE = 30.0
"""Seconds until what does not come is given up."""


def _whole(end: socket.socket) -> bytes:
    """Read one answer whose length is not known yet."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        if not (piece := end.recv(65536)):
            raise RuntimeError("the server has closed a connection")
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += end.recv(65536)
    return head + b"\r\n\r\n" + body


def connect(port: int, number: int) -> list[socket.socket]:
    """Open connections, and ask once by each."""
    ends = []
    for _ in range(number):
        end = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends.append(end)
    for end in ends:
        end.send(REQUEST)
        assert _whole(end).startswith(OK)
    return ends


class Load:
    """The connections that ask."""

    def __init__(self, active: Iterable[socket.socket]) -> None:
        self._ends = {end.fileno(): end for end in active}
        self._poll = select.epoll()
        for number, end in self._ends.items():
            end.send(REQUEST)
            self._length = len(_whole(end))
            end.setblocking(False)
            self._poll.register(number, select.EPOLLIN)

    def run(self, requests: int) -> int:
        """Ask so many times; return the nanoseconds until all answers are here."""
        ends, poll, length = self._ends, self._poll.poll, self._length
        got = dict.fromkeys(ends, 0)
        begin = time.perf_counter_ns()
        asked = answered = 0
        for end in ends.values():
            end.send(REQUEST)
            asked += 1
        while answered < asked:
            ready = poll(PATIENCE)
            if not ready:
                raise RuntimeError(f"{asked - answered} answers do not come")
            for number, _ in ready:
                data = ends[number].recv(65536)
                if not got[number] and not data.startswith(OK):
                    raise RuntimeError(f"not an answer: {data[:80]!r}")
                got[number] += len(data)
                if got[number] < length:
                    continue
                got[number] = 0
                answered += 1
                if asked < requests:
                    ends[number].send(REQUEST)
                    asked += 1
        return time.perf_counter_ns() - begin


def numbers() -> Iterator[int]:
    """What is asked for, until nobody asks any more."""
    return map(int, sys.stdin)


def main() -> None:
    """Connect, and ask as often as one is told to."""
    port, connections, active = map(int, sys.argv[1:])
    ends = connect(port, connections)
    load = Load(ends[:: len(ends) // active][:active])
    print("ready", flush=True)
    for requests in numbers():
        print(load.run(requests), flush=True)


if __name__ == "__main__":
    main()
