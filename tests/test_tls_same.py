"""A native TLS connection does what asyncio's own does, whatever is done with it."""

import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from connections import BufferedRecorder, Connection, Recorder
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from secured import Peer, secured
from test_transport_same import KINDS, Op, pattern, plain, raising, without_repeats

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")


@pytest.fixture(scope="module", autouse=True)
def _of_this_alone() -> Iterator[None]:
    """What the session holds is not to be looked at for each example."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


# What is small has room in the kernel, and what is large has none.
SIZES = st.sampled_from([0, 1, 1000, 16_384, 16_385, 40_000, 1_500_000])
TAKEN = 100_000
"""As many bytes the kernel takes at once, of whatever pieces."""

CALLBACKS = ["data_received", "eof_received", "pause_writing", "resume_writing"]

OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(sorted(KINDS)), SIZES),
    st.tuples(st.just("writelines"), st.lists(st.sampled_from([0, 1, 1000]), max_size=4)),
    st.tuples(st.just("write"), st.just("text"), st.just(1)),
    st.sampled_from(["write_eof", "close", "abort"]).map(lambda name: (name,)),
    st.sampled_from(["pause_reading", "resume_reading"]).map(lambda name: (name,)),
    st.tuples(st.just("limits"), st.sampled_from([None, 0, 10, 100_000, 10_000_000])),
    st.tuples(st.just("read_limits"), st.sampled_from([None, 0, 10, 100_000])),
    st.tuples(st.just("set_protocol"), st.sampled_from(["plain", "buffered"])),
    st.tuples(st.just("keep_open"), st.booleans()),
    st.tuples(st.just("raise_in"), st.sampled_from(CALLBACKS)),
    st.tuples(
        st.just("in"),
        st.sampled_from(CALLBACKS),
        st.sampled_from(["close", "abort", "write", "write_eof", "pause_reading"]),
    ),
    st.tuples(st.just("send"), st.sampled_from([1, 100, 2000, 16_384, 40_000])),
    st.tuples(st.just("send_split"), st.sampled_from([100, 16_384, 40_000]), st.integers(1, 99)),
    st.sampled_from(["say_end", "send_garbage"]).map(lambda name: (name,)),
)

# Each in a turn of its own: what was written before in the same turn has left on asyncio's own, and
# has not here.
ALONE: st.SearchStrategy[list[Op]] = st.sampled_from(["hang_up", "take"]).map(
    lambda name: [(name,)]
)

STEPS = st.lists(
    st.one_of(*[st.lists(OPS, min_size=1, max_size=4)] * 9, ALONE), min_size=1, max_size=8
)


@dataclass
class Seen:
    """What is seen of a run."""

    notes: list[Any] = field(default_factory=list)
    came: bytes = b""
    """What has come to the peer, unless that has hung up."""

    is_whole: bool = False
    """Whether all has come. Of one that is lost as much has as the kernel had taken."""


class Run:
    """One run of some steps, and what is seen of it."""

    def __init__(self, connection: Connection, peer: Peer) -> None:
        self._connection, self._peer = connection, peer
        self._protocols: list[Any] = [connection.protocol]
        self._rest = b""
        self.seen = Seen()

    def step(self, ops: list[Op]) -> None:
        """Do all in one turn."""
        results = self._connection.do(*(self._act(op) for op in ops))
        self._peer.send_raw(self._rest)
        self._rest = b""
        self._connection.rest()
        self._note(results)

    def end(self) -> None:
        """Read what is left, and hang up."""
        before = -1
        while before != (before := len(self._peer.received)):
            self._peer.turn()
            self._connection.rest()
        self._peer.turn()
        # How much came before it hung up depends on how much the kernel had taken by then.
        if self._peer.sock.fileno() != -1:
            self.seen.came = bytes(self._peer.received)
            self.seen.is_whole = self._peer.said_end or not self._connection.transport.is_closing()
        self._note([self._peer.said_end])
        self._peer.sock.close()
        for _ in range(3):
            self._connection.rest()
        self._note(["end"])

    def _note(self, results: list[Any]) -> None:
        transport = self._connection.transport
        events = [
            (protocol.received, without_repeats([plain(event) for event in protocol.events]))
            for protocol in self._protocols
        ]
        self.seen.notes.append(
            (
                results,
                events,
                transport.is_closing(),
                asked(transport.is_reading),
                asked(transport.get_write_buffer_size),
                asked(transport.get_protocol) in self._protocols,
                [
                    (one["message"], repr(one["exception"]), one["handled"])
                    for one in self._connection.reports
                ],
            )
        )

    def _act(self, op: Op) -> Callable[[], Any]:
        return lambda: asked(self._do, *op)

    def _do(self, name: str, *args: Any) -> Any:
        transport, peer = self._connection.transport, self._peer
        protocol = self._protocols[-1]
        if name == "write":
            kind, size = args
            transport.write("text" if kind == "text" else KINDS[kind](pattern(size)))
        elif name == "writelines":
            transport.writelines([pattern(size) for size in args[0]])
        elif name == "limits":
            transport.set_write_buffer_limits(args[0])
        elif name == "read_limits":
            transport.set_read_buffer_limits(args[0])
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
            peer.send(pattern(args[0]))
        elif name == "send_split":
            records = asked(peer.records, pattern(args[0]))
            if isinstance(records, bytes):
                cut = len(records) * args[1] // 100
                peer.send_raw(self._rest + records[:cut])
                self._rest = records[cut:]
        elif name == "send_garbage":
            peer.send_raw(b"no record at all")
        elif name == "take":
            peer.turn()
        elif name == "hang_up":
            peer.sock.close()
        elif name == "say_end":
            peer.say_end()
        else:
            getattr(transport, name)()
        return None


def asked(act: Callable[..., Any], *args: Any) -> Any:
    try:
        return act(*args)
    except Exception as error:
        return repr(error)


def run(transports: str, steps: list[list[Op]], *, server_side: bool) -> Seen:
    with warnings.catch_warnings():
        # A transport that nobody has closed, of either kind, also if only the collector finds it.
        warnings.simplefilter("ignore", ResourceWarning)
        with secured(transports=transports, server_side=server_side) as (connection, peer):
            ran = Run(connection, peer)
            for ops in steps:
                ran.step(ops)
            ran.end()
            seen = ran.seen
            del ran
        del connection, peer
        gc.collect()
    return seen


class TestANativeTlsConnection:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example(
        steps=[
            [("write", "bytearray", 16_384), ("write", "bytearray", 1_500_000)],
            [("take",)],
            [("hang_up",)],
        ],
        server_side=False,
    )
    @example(
        steps=[[("write", "bytearray", 16_384), ("write", "bytearray", 1_500_000), ("abort",)]],
        server_side=False,
    )
    @given(steps=STEPS, server_side=st.booleans())
    def test_does_what_asyncios_does(self, steps: list[list[Op]], server_side: bool) -> None:
        native = run("native", steps, server_side=server_side)
        asyncios = run("asyncio", steps, server_side=server_side)
        assert native.notes == asyncios.notes
        assert native.is_whole == asyncios.is_whole
        both = sorted((native.came, asyncios.came), key=len)
        if native.is_whole or len(both[1]) < TAKEN:
            assert both[0] == both[1]
        else:
            assert both[1].startswith(both[0])
            assert len(both[0]) >= TAKEN
