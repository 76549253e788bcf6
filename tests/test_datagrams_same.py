"""A native transport of datagrams does what asyncio's own does, whatever is done with it."""

import contextlib
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from endpoints import WAYS, Endpoint, Listener, has_v6, opened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same import Bytes, pattern, raising

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

Op = tuple[Any, ...]

DATA: dict[str, Callable[[int], Any]] = {
    "bytes": lambda size: pattern(size),
    "bytearray": lambda size: bytearray(pattern(size)),
    "memoryview": lambda size: memoryview(pattern(size)),
    "parts": lambda size: memoryview(pattern(2 * size))[::2],
    "words": lambda size: memoryview(bytearray(size + -size % 4)).cast("I"),
    "subclass": lambda size: Bytes(pattern(size)),
    "text": lambda size: "x" * size,
    "none": lambda _: None,
}

# The last one is longer than a datagram can be.
SIZES = st.sampled_from([0, 1, 7, 1000, 65_507, 65_508])

ADDRESSES: dict[str, Callable[[Any], Any]] = {
    "none": lambda _: None,
    "there": lambda there: there,
    "an equal one": lambda there: (*there,),
    "a short one": lambda there: there[:2],
    "a list": lambda there: [*there],
    "by name": lambda there: ("localhost", *there[1:]),
    "another port": lambda there: (there[0], 9),
    "no port": lambda there: (there[0], 1 << 16),
    "text": lambda there: there[0],
}

METHODS = ["datagram_received", "error_received"]

INSIDE = ["close", "abort", "sendto", "pause_reading", "set_protocol", "close_soon", "note_soon"]

OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("sendto"), st.just("bytes"), SIZES, st.sampled_from(["none", "there"])),
    st.tuples(st.just("send"), st.sampled_from([1, 2, 5, 40]), st.sampled_from([0, 1, 1000])),
    st.tuples(
        st.just("sendto"),
        st.sampled_from(sorted(DATA)),
        SIZES,
        st.sampled_from(sorted(ADDRESSES)),
    ),
    st.sampled_from(["close", "abort", "pause_reading", "resume_reading"]).map(
        lambda name: (name,)
    ),
    st.tuples(st.just("limits"), st.sampled_from([None, 0, 10, 100_000])),
    st.just(("set_protocol",)),
    st.tuples(st.just("raise_in"), st.sampled_from(METHODS)),
    st.tuples(st.just("in"), st.sampled_from(METHODS), st.sampled_from(INSIDE)),
    st.tuples(st.just("answer")),
)

STEPS = st.lists(
    st.one_of(*[st.lists(OPS, min_size=1, max_size=4)] * 9, st.just([("hang_up",)])),
    min_size=1,
    max_size=8,
)


class Run:
    """One run of some steps, and what is seen of it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._own, self._there = endpoint.own, endpoint.there
        self._events: list[Any] = endpoint.protocol.events
        self._gone = False
        self.seen: list[Any] = []

    def step(self, ops: list[Op]) -> None:
        """Do all in one turn."""
        results = self._endpoint.do(*(self._act(op) for op in ops))
        self._endpoint.until_read()
        transport = self._endpoint.transport
        self.seen.append(
            (
                [self._plain(result) for result in results],
                [] if self._gone else self._endpoint.at_peer(),
                transport.is_closing(),
                transport.get_write_buffer_size(),
                transport.get_protocol() is None,
                [self._report(one) for one in self._endpoint.reports],
            )
        )

    def end(self) -> None:
        """What the protocols were told, all in its order."""
        self.seen.append([(event[0], self._plain(event[1:])) for event in self._events])

    def _plain(self, thing: Any) -> str:
        """Without the ports, which are others each time."""
        text = repr(thing)
        for address, name in ((self._own, "own"), (self._there, "there")):
            text = re.sub(rf"\b{address[1]}\b", name, text)
        return text

    def _report(self, report: dict[str, Any]) -> tuple[str, str, bool]:
        message = report["message"]
        # Which goes on with the name of the method.
        message = "Exception in callback" if message.startswith("Exception in") else message
        return message, self._plain(report["exception"]), report["handled"]

    def _act(self, op: Op) -> Callable[[], Any]:
        def act() -> Any:
            try:
                return self._do(*op)
            except Exception as error:
                return error, error.__context__

        return act

    def _do(self, name: str, *args: Any) -> Any:
        endpoint = self._endpoint
        transport = endpoint.transport
        protocol = transport.get_protocol()
        if name == "sendto":
            kind, size, address = args
            transport.sendto(DATA[kind](size), ADDRESSES[address](self._there))
        elif name == "send":
            count, size = args
            with contextlib.suppress(OSError):
                if not self._gone:
                    endpoint.send(*(pattern(size, number) for number in range(count)))
        elif name == "hang_up":
            self._gone = True
            endpoint.peer.close()
        elif name == "limits":
            transport.set_write_buffer_limits(args[0])
        elif name == "set_protocol":
            self._change()
        elif protocol is None:
            pass
        elif name == "raise_in":
            protocol.acts[args[0]] = raising(args[0])
        elif name == "answer":
            protocol.acts["datagram_received"] = lambda data, addr: transport.sendto(data, addr)
        elif name == "in":
            protocol.acts[args[0]] = lambda *_: self._inside(protocol, *args)
        else:
            getattr(transport, name)()
        return None

    def _inside(self, protocol: Listener, method: str, name: str) -> None:
        transport, loop = self._endpoint.transport, self._endpoint.loop
        if name == "sendto":
            # Once: a peer that is gone has an error for each.
            protocol.acts.pop(method, None)
            transport.sendto(b"inside", None)
        elif name == "set_protocol":
            self._change()
        elif name == "close_soon":
            loop.call_soon(transport.close)
        elif name == "note_soon":
            loop.call_soon(self._events.append, ("soon",))
        else:
            getattr(transport, name)()

    def _change(self) -> None:
        protocol = Listener()
        protocol.events = self._events
        self._events.append(("changed",))
        self._endpoint.transport.set_protocol(protocol)


def run(transports: str, kind: str, way: str, steps: list[list[Op]]) -> list[Any]:
    with opened(kind, way, transports=transports) as endpoint:
        ran = Run(endpoint)
        for ops in steps:
            ran.step(ops)
        ran.end()
        return ran.seen


class TestANativeTransportOfDatagrams:
    @pytest.mark.parametrize("way", WAYS)
    @settings(
        max_examples=50,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(kind=st.sampled_from(["v4", "v6"] if has_v6() else ["v4"]), steps=STEPS)
    def test_does_what_asyncios_does(self, kind: str, way: str, steps: list[list[Op]]) -> None:
        assert run("native", kind, way, steps) == run("asyncio", kind, way, steps)
