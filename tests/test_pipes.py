"""Native transports of pipes: what every byte meets is in Rust, everything else is asyncio's."""

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from connections import open_files
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
    def test_are_asyncios_unless_asked_for(self, way: str) -> None:
        with opened_pipe(way, loop=sideloop.EventLoop()) as end:
            assert type(end.transport).__name__ == standard(way)

    def test_are_ours_where_asked_for(self, way: str) -> None:
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

    def test_refuses_text_as_asyncio_does(self, write_end: PipeEnd) -> None:
        with pytest.raises(AssertionError, match="'text'"):
            write_end.transport.write("text")


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
