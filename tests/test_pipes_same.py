"""A native transport of a pipe does what asyncio's own does, whatever is done with it."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from connections import Recorder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipe_ends import KINDS, PipeEnd, opened_pipe
from same import Bytes, pattern, raising

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

Op = tuple[Any, ...]

DATA: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "subclass": lambda data: Bytes(data),
    "text": lambda data: data.decode("latin-1"),
    "none": lambda _: None,
}

# More than a pipe holds, and more than a transport reads at once.
SIZES = st.sampled_from([0, 1, 1000, 65_536, 70_000, 300_000])

TOLD = {
    "read": ["data_received", "eof_received", "connection_lost"],
    "write": ["pause_writing", "resume_writing", "connection_lost"],
}

METHODS = {
    "read": ["close", "pause_reading", "resume_reading", "is_reading", "is_closing"],
    "write": ["close", "abort", "write_eof", "can_write_eof", "get_write_buffer_size"],
}


def ops(way: str) -> st.SearchStrategy[Op]:
    told, methods = st.sampled_from(TOLD[way]), st.sampled_from(METHODS[way])
    own = {
        "read": [st.tuples(st.just("there"), SIZES)] * 3,
        "write": [
            st.tuples(st.just("write"), st.just("bytes"), SIZES),
            st.tuples(st.just("write"), st.sampled_from(sorted(DATA)), SIZES),
            st.tuples(st.just("lines"), st.integers(0, 3), SIZES),
            st.tuples(st.just("limits"), st.sampled_from([None, 0, 10, 100_000])),
            st.tuples(st.just("take"), st.sampled_from([1, 5000, 1 << 20])),
        ],
    }
    return st.one_of(
        *own[way],
        methods.map(lambda name: (name,)),
        st.just(("set_protocol",)),
        st.tuples(st.just("raise_in"), told),
        st.tuples(st.just("in"), told, st.sampled_from([*METHODS[way], "set_protocol", "soon"])),
    )


def steps(way: str) -> st.SearchStrategy[list[list[Op]]]:
    some = st.lists(ops(way), min_size=1, max_size=4)
    return st.lists(st.one_of(*[some] * 9, st.just([("hang_up",)])), min_size=1, max_size=8)


class Run:
    """One run of some steps, and what is seen of it."""

    def __init__(self, end: PipeEnd, way: str) -> None:
        self._end, self._way = end, way
        self._events: list[Any] = end.protocol.events
        self.seen: list[Any] = []

    def step(self, ops: list[Op]) -> None:
        """Do all in one turn."""
        end = self._end
        results = end.do(*(self._act(op) for op in ops))
        end.rest()
        self.seen.append(
            (
                [repr(result) for result in results],
                end.transport.is_closing(),
                end.transport.get_protocol() is None,
                end.transport.get_write_buffer_size() if self._way == "write" else None,
                [self._report(report) for report in end.reports],
            )
        )

    def end(self) -> None:
        """What the protocols were told, all in its order."""
        self.seen.append([(name, [repr(arg) for arg in args]) for name, *args in self._events])

    def _report(self, report: dict[str, Any]) -> tuple[str, str, bool]:
        message = report["message"]
        # Which goes on with the name of the method.
        message = "Exception in callback" if message.startswith("Exception in") else message
        return message, repr(report["exception"]), report["handled"]

    def _act(self, op: Op) -> Callable[[], Any]:
        def act() -> Any:
            try:
                return self._do(*op)
            except Exception as error:
                return error, error.__context__

        return act

    def _do(self, name: str, *args: Any) -> Any:
        end = self._end
        transport, protocol = end.transport, end.transport.get_protocol()
        if name == "write":
            transport.write(DATA[args[0]](pattern(args[1])))
        elif name == "lines":
            transport.writelines([pattern(args[1], number) for number in range(args[0])])
        elif name == "limits":
            transport.set_write_buffer_limits(args[0])
        elif name == "there":
            with contextlib.suppress(OSError):
                if end.peer is not None:
                    os.write(end.peer, pattern(args[0]))
        elif name == "take":
            return end.at_peer(args[0]) if end.peer is not None else None
        elif name == "hang_up":
            if end.peer is not None:
                os.close(end.peer)
            end.peer = None
        elif name == "set_protocol":
            self._change()
        elif name == "raise_in":
            if protocol is not None:
                protocol.acts[args[0]] = raising(args[0])
        elif name == "in":
            if protocol is not None:
                protocol.acts[args[0]] = lambda *_: self._inside(args[1])
        elif protocol is not None:
            return getattr(transport, name)()
        return None

    def _inside(self, name: str) -> None:
        if name == "set_protocol":
            self._change()
        elif name == "soon":
            self._end.loop.call_soon(self._events.append, ("soon",))
        else:
            getattr(self._end.transport, name)()

    def _change(self) -> None:
        protocol = Recorder()
        protocol.events = self._events
        self._events.append(("changed",))
        self._end.transport.set_protocol(protocol)


def run(transports: Any, way: str, kind: str, steps: list[list[Op]]) -> list[Any]:
    loop = sideloop.EventLoop(transports=transports)
    loop.set_debug(False)
    with opened_pipe(way, kind, loop=loop) as end:
        ran = Run(end, way)
        for ops in steps:
            ran.step(ops)
        ran.end()
        return ran.seen


@pytest.mark.parametrize("way", sorted(TOLD))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_does_what_asyncios_does(way: str, kind: str, data: st.DataObject) -> None:
    taken = data.draw(steps(way))
    assert run("native", way, kind, taken) == run("asyncio", way, kind, taken)
