"""Native transports of pipes: what every byte meets is in Rust, everything else is asyncio's."""

import asyncio
import contextlib
import gc
import os
import socket
import subprocess
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from connections import Recorder, open_files
from endpoints import native_loop
from pipe_ends import KINDS, PipeEnd, opened_pipe

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")


@pytest.fixture(params=KINDS)
def read_end(request: pytest.FixtureRequest) -> Iterator[PipeEnd]:
    with opened_pipe("read", request.param) as end:
        yield end


@pytest.fixture(params=KINDS)
def write_end(request: pytest.FixtureRequest) -> Iterator[PipeEnd]:
    with opened_pipe("write", request.param) as end:
        yield end


def standard(way: str) -> str:
    return {"read": "_UnixReadPipeTransport", "write": "_UnixWritePipeTransport"}[way]


OURS = {"read": "ReadPipeTransport", "write": "WritePipeTransport"}


@pytest.mark.parametrize("way", ["read", "write"])
class TestWhichTransports:
    def test_are_asyncios_where_those_are_asked_for(self, way: str) -> None:
        with opened_pipe(way, loop=sideloop.EventLoop(transports="asyncio")) as end:
            assert type(end.transport).__name__ == standard(way)

    def test_are_ours_unless_others_are_asked_for(self, way: str) -> None:
        with opened_pipe(way) as end:
            assert type(end.transport).__name__ == OURS[way]
            assert isinstance(end.transport, vars(asyncio.unix_events)[standard(way)])

    def test_are_asyncios_in_debug_mode(self, way: str) -> None:
        loop = native_loop()
        loop.set_debug(True)
        with opened_pipe(way, loop=loop) as end:
            assert type(end.transport).__name__ == standard(way)

    def test_are_what_somebody_has_put_in_place_of_asyncios(self, way: str) -> None:
        name = standard(way)
        patched = type("Patched", (vars(asyncio.unix_events)[name],), {})
        with mock.patch.object(asyncio.unix_events, name, patched), opened_pipe(way) as end:
            assert type(end.transport) is patched

    def test_refuse_what_is_no_pipe(self, way: str, tmp_path: Any) -> None:
        loop = native_loop()
        connect: Any = {"read": loop.connect_read_pipe, "write": loop.connect_write_pipe}[way]
        with (tmp_path / "file").open("wb") as file, pytest.raises(ValueError, match="pipes"):
            loop.run_until_complete(connect(asyncio.Protocol, file))
        loop.close()


class TestReading:
    def test_hands_over_what_has_come(self, read_end: PipeEnd) -> None:
        read_end.there(lambda fd: os.write(fd, b"one"))
        read_end.there(lambda fd: os.write(fd, b"two"))
        assert [event[1] for event in read_end.told("data_received")] == [b"one", b"two"]

    def test_loses_nothing_of_much(self, read_end: PipeEnd) -> None:
        sent = os.urandom(1 << 20)
        left = memoryview(sent)

        def some() -> bool:
            nonlocal left
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(read_end.peer, left) :]
            return len(read_end.protocol.received) == len(sent)

        read_end.until(some)
        assert read_end.protocol.received == sent

    def test_ends_with_the_other_end(self, read_end: PipeEnd) -> None:
        read_end.there(os.close)
        read_end.peer = None
        assert read_end.protocol.names()[-2:] == ["eof_received", "connection_lost"]
        assert read_end.told("connection_lost") == [("connection_lost", None)]

    def test_reads_the_end_that_a_terminal_tells_once(self) -> None:
        with opened_pipe("read", "terminal") as end:
            end.there(lambda fd: os.write(fd, b"line\n"))
            end.there(lambda fd: os.write(fd, b"\x04"))
            assert end.protocol.received == b"line\n"
            assert end.protocol.names()[-2:] == ["eof_received", "connection_lost"]

    def test_asks_the_system_for_no_memory_each_time(self) -> None:
        """As many page faults with a thousand reads as with ten: asyncio's have several each."""
        with opened_pipe("read") as end:

            def faults(reads: int) -> int:
                import resource

                before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
                for _ in range(reads):
                    os.write(end.peer, b"x")
                    end.loop.run_until_complete(asyncio.sleep(0))
                return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

            faults(50)
            assert faults(1000) < 300

    def test_reports_an_error_of_the_system(self) -> None:
        with opened_pipe("read") as end:
            os.dup2(os.open(os.devnull, os.O_WRONLY), end.fd)
            end.transport._read_ready()
            end.rest()
            (report,) = end.reports
            assert report["message"] == "Fatal read error on pipe transport"
            assert isinstance(report["exception"], OSError)
            assert end.told("connection_lost")[0][1] is report["exception"]


class TestWriting:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_writes_at_once(self, write_end: PipeEnd, kind: Callable[[bytes], Any]) -> None:
        write_end.transport.write(kind(b"some"))
        assert write_end.at_peer() == b"some"

    def test_loses_nothing_of_much(self, write_end: PipeEnd) -> None:
        sent = os.urandom(1 << 20)
        write_end.transport.write(sent)
        write_end.transport.write(b"and the end")
        found = bytearray()

        def all_of_it() -> bool:
            found.extend(write_end.at_peer())
            return len(found) == len(sent) + 11

        write_end.until(all_of_it)
        assert bytes(found) == sent + b"and the end"
        assert write_end.transport.get_write_buffer_size() == 0

    def test_pauses_and_resumes_the_protocol(self, write_end: PipeEnd) -> None:
        write_end.do(lambda: write_end.transport.write(bytes(1 << 20)))
        assert write_end.protocol.names()[-1] == "pause_writing"
        write_end.until(
            lambda: write_end.at_peer() and write_end.protocol.names()[-1] == "resume_writing"
        )

    def test_tells_that_the_other_end_has_gone(self, write_end: PipeEnd) -> None:
        write_end.there(os.close)
        write_end.peer = None
        assert write_end.protocol.names()[-1] == "connection_lost"

    def test_keeps_the_order_of_what_waits(self, write_end: PipeEnd) -> None:
        sent = [os.urandom(1 << 18), b"two", bytearray(b"three"), b"four"]

        def write_all() -> None:
            for data in sent:
                write_end.transport.write(data)

        write_end.do(write_all)
        found = bytearray()

        def all_of_it() -> bool:
            found.extend(write_end.at_peer())
            return len(found) == sum(map(len, sent))

        write_end.until(all_of_it)
        assert bytes(found) == b"".join(sent)

    def test_writes_nothing_where_there_is_nothing(self) -> None:
        """Where messages have ends, one of no bytes would say that it is over."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with here, there, contextlib.closing(native_loop()) as loop:
            connecting = loop.connect_write_pipe(asyncio.Protocol, here)
            transport, _ = loop.run_until_complete(connecting)
            transport.write(b"")
            transport.write(b"some")
            assert there.recv(10) == b"some"
            transport.close()
            loop.run_until_complete(asyncio.sleep(0))

    def test_refuses_text_as_asyncio_does(self, write_end: PipeEnd) -> None:
        with pytest.raises(AssertionError, match="'text'"):
            write_end.transport.write("text")


@pytest.mark.parametrize("way", ["read", "write"])
class TestItsState:
    """Which asyncio's methods, and those derived from them, find under asyncio's names."""

    def test_is_what_asyncio_keeps(self, way: str) -> None:
        with opened_pipe(way) as end:
            transport = end.transport
            assert transport._loop is end.loop
            assert transport._protocol is transport.get_protocol() is end.protocol
            assert transport._fileno == end.fd
            assert transport._closing is transport.is_closing() is False
            assert f"fd={end.fd}" in repr(transport)
            end.do(transport.close)
            assert transport._closing is transport.is_closing() is True

    def test_is_let_go_of_at_the_end(self, way: str) -> None:
        with opened_pipe(way) as end:
            end.do(end.transport.close)
            end.rest()
            assert end.transport.get_protocol() is end.transport._loop is None
            assert "closed" in repr(end.transport)

    def test_is_not_there_where_nobody_has_made_it(self, way: str) -> None:
        with opened_pipe(way) as end:
            kind = type(end.transport)
        transport: Any = type("HalfMade", (kind,), {"__init__": lambda *_: None})()
        for name in ("_loop", "_protocol", "_fileno", "_closing"):
            with pytest.raises(AttributeError):
                getattr(transport, name)
        with pytest.raises(AttributeError):
            transport.is_closing()

    def test_is_collected_with_its_loop_and_a_protocol_that_knows_its_transport(
        self, way: str
    ) -> None:
        class Holding(asyncio.Protocol):
            transport: Any = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

        loop: Any = native_loop()
        ends = os.pipe()
        here, there = ends if way == "read" else ends[::-1]
        connect = {"read": loop.connect_read_pipe, "write": loop.connect_write_pipe}[way]
        file = os.fdopen(here, "rb" if way == "read" else "wb", 0)
        transport, protocol = loop.run_until_complete(connect(Holding, file))
        seen, known = weakref.ref(transport), weakref.ref(protocol)
        loop.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol, loop, connect
            gc.collect()
        texts = [str(one.message) for one in caught if one.category is ResourceWarning]
        caught.clear()  # Warnings know whom they are of.
        gc.collect()
        assert seen() is known() is None
        assert any(text.startswith(f"unclosed transport <{OURS[way]}") for text in texts)
        assert file.closed
        os.close(there)


class TestSubclasses:
    def test_hand_over_to_another_protocol(self) -> None:
        changes: list[Any] = []

        def set_protocol(transport: Any, protocol: Any) -> None:
            changes.append(protocol)
            super(changing, transport).set_protocol(protocol)

        with opened_pipe("read") as end:
            changing: Any = type("Changing", (type(end.transport),), {"set_protocol": set_protocol})
            reader, writer = os.pipe()
            protocol, another = Recorder(), Recorder()
            transport = changing(end.loop, os.fdopen(reader, "rb", 0), protocol)
            end.rest()
            os.write(writer, b"one")
            end.rest()
            transport.set_protocol(another)
            os.write(writer, b"two")
            end.rest()
            assert (protocol.received, another.received) == (b"one", b"two")
            assert changes == [another]
            os.close(writer)
            end.rest()
            assert another.names()[-2:] == ["eof_received", "connection_lost"]


class TestASubprocess:
    CODE = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"

    @pytest.mark.parametrize("size", [0, 10, 1 << 20])
    def test_gets_its_input_and_its_output_is_read(self, size: int) -> None:
        sent = os.urandom(size)

        async def main() -> bytes:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", self.CODE), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            output, _ = await process.communicate(sent)
            assert process.returncode == 0
            return output

        with sideloop.Runner(loop_factory=native_loop) as runner:
            assert runner.run(main) == sent[::-1]


@pytest.mark.parametrize("way", ["read", "write"])
def test_nothing_is_left_of_ends_that_were_closed(way: str) -> None:
    def once() -> weakref.ref[Any]:
        with opened_pipe(way) as end:
            end.do(lambda: way == "write" and end.transport.write(bytes(1 << 17)))
            return weakref.ref(end.transport)

    gc.disable()
    try:
        once()
        before = open_files()
        assert [once()() for _ in range(20)] == [None] * 20
        assert open_files() == before
    finally:
        gc.enable()
