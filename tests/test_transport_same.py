"""A native transport does what asyncio's own does, whatever is done with it."""

import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from connections import BufferedRecorder, Connection, Recorder, connected
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import raising

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

Op = tuple[Any, ...]

KINDS = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview}

# All that is small has room in the kernel, and what is large has none: how much has, in between,
# depends on the pieces in which it comes.
SIZES = st.sampled_from([0, 1, 7, 1000, 1_500_000])
# asyncio's own, since CPython 3.12, never lets go of an empty one of several.
LINE_SIZES = st.sampled_from([1, 7, 1000] if sys.version_info >= (3, 12) else [0, 1, 7, 1000])

OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(sorted(KINDS)), SIZES),
    st.tuples(st.just("writelines"), st.lists(LINE_SIZES, max_size=4)),
    st.tuples(st.just("write"), st.just("text"), st.just(1)),
    st.sampled_from(["write_eof", "close", "abort"]).map(lambda name: (name,)),
    st.sampled_from(["pause_reading", "resume_reading"]).map(lambda name: (name,)),
    st.tuples(st.just("limits"), st.sampled_from([None, 0, 10, 100_000, 10_000_000])),
    st.tuples(st.just("set_protocol"), st.sampled_from(["plain", "buffered"])),
    st.tuples(st.just("keep_open"), st.booleans()),
    st.tuples(st.just("raise_in"), st.sampled_from(["data_received", "eof_received"])),
    st.tuples(
        st.just("in"),
        st.sampled_from(["data_received", "eof_received", "pause_writing"]),
        st.sampled_from(["close", "abort", "write", "write_eof", "pause_reading"]),
    ),
    # In all less than is read at once.
    st.tuples(st.just("send"), st.sampled_from([1, 100, 2000])),
    st.just(("shut",)),
)

# In a turn of its own: what was written before in the same turn has left on asyncio's own, and has
# not here.
HANG_UP: st.SearchStrategy[list[Op]] = st.just([("hang_up",)])

STEPS = st.lists(
    st.one_of(*[st.lists(OPS, min_size=1, max_size=4)] * 9, HANG_UP), min_size=1, max_size=8
)


class Run:
    """One run of some steps, and what is seen of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._protocols: list[Any] = [connection.protocol]
        self._gone = False
        self.seen: list[Any] = []

    def step(self, ops: list[Op]) -> None:
        """Do all in one turn."""
        results = self._connection.do(*(self._act(op) for op in ops))
        self._note(results)

    def end(self) -> None:
        """Read what is left, and hang up."""
        drained = b""
        while data := self._drain():
            drained += data
            self._connection.rest()
        self._note([drained])
        if not self._gone:
            self._connection.peer.close()
        for _ in range(3):
            self._connection.rest()
        self._note(["end"])

    def _note(self, results: list[Any]) -> None:
        transport = self._connection.transport
        events = [
            (protocol.received, [plain(event) for event in protocol.events])
            for protocol in self._protocols
        ]
        self.seen.append(
            (
                results,
                events,
                transport.is_closing(),
                transport.is_reading(),
                transport.get_write_buffer_size() > 0,
                [
                    (one["message"], repr(one["exception"]), one["handled"])
                    for one in self._connection.reports
                ],
            )
        )

    def _act(self, op: Op) -> Callable[[], Any]:
        def act() -> Any:
            try:
                return self._do(*op)
            except Exception as error:
                return repr(error)

        return act

    def _drain(self) -> bytes:
        return b"" if self._gone else self._connection.at_peer()

    def _do(self, name: str, *args: Any) -> Any:
        transport, peer = self._connection.transport, self._connection.peer
        protocol = self._protocols[-1]
        if name == "write":
            kind, size = args
            transport.write("text" if kind == "text" else KINDS[kind](pattern(size)))
        elif name == "writelines":
            # Where that is closed, asyncio's own raises since CPython 3.12.
            if not transport.is_closing():
                transport.writelines([pattern(size) for size in args[0]])
        elif name == "limits":
            transport.set_write_buffer_limits(args[0])
        elif name == "set_protocol":
            self._protocols.append(Recorder() if args[0] == "plain" else BufferedRecorder())
            transport.set_protocol(self._protocols[-1])
        elif name == "keep_open":
            protocol.acts["eof_received"] = lambda: args[0]
        elif name == "raise_in":
            protocol.acts[args[0]] = raising(args[0])
        elif name == "in":
            inside = args[1]
            call = (lambda: transport.write(b"inside")) if inside == "write" else None
            call = call or getattr(transport, inside)
            protocol.acts[args[0]] = lambda *_: call() and None
        elif name == "send":
            self._to_peer(pattern(args[0]))
        elif name == "shut":
            if not self._gone:
                shut(peer)
        elif name == "hang_up":
            self._gone = True
            peer.close()
        else:
            getattr(transport, name)()
        return None

    def _to_peer(self, data: bytes) -> None:
        if not self._gone:
            with contextlib.suppress(OSError):
                self._connection.peer.send(data)


def shut(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_WR)


def pattern(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def plain(event: tuple[Any, ...]) -> tuple[str, str]:
    """Without what was read, which may come in other pieces."""
    return event[0], "" if event[0] == "data_received" else repr(event[1:])


def without_repeats(events: list[Any]) -> list[Any]:
    return [event for place, event in enumerate(events) if not place or event != events[place - 1]]


def run(transports: str, steps: list[list[Op]]) -> list[Any]:
    with connected(transports=transports) as connection:
        ran = Run(connection)
        for ops in steps:
            ran.step(ops)
        ran.end()
        return [
            (
                results,
                [(received, without_repeats(events)) for received, events in told],
                *rest,
            )
            for results, told, *rest in ran.seen
        ]


class TestANativeTransport:
    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps=STEPS)
    def test_does_what_asyncios_does(self, steps: list[list[Op]]) -> None:
        assert run("native", steps) == run("asyncio", steps)
