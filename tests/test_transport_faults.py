"""Native transports where something goes wrong: the kernel, the peer, the protocol, the process."""

import asyncio
import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from connections import BufferedRecorder, Connection, Recorder, connected
from programs import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

ORDINARY = [ValueError, asyncio.CancelledError, GeneratorExit]
EXITS = [SystemExit, KeyboardInterrupt]


@pytest.fixture
def connection() -> Iterator[Connection]:
    with connected() as connection:
        yield connection


def reset(peer: socket.socket) -> None:
    """Have the peer's end answer with a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def raiser(error: type[BaseException]) -> Callable[..., None]:
    def act(*_: object) -> None:
        raise error("in the protocol")

    return act


def lost_with(connection: Connection) -> list[Any]:
    return [event[1] for event in connection.protocol.events if event[0] == "connection_lost"]


class TestThePeer:
    def test_resets_while_it_is_read(self) -> None:
        with connected("tcp") as connection:
            reset(connection.peer)
            connection.until(lambda: lost_with(connection))
            connection.rest()
            (error,) = lost_with(connection)
            assert type(error) is ConnectionResetError
            assert (error.errno, error.strerror) == (
                errno.ECONNRESET,
                os.strerror(errno.ECONNRESET),
            )
            assert connection.reports == []

    def test_is_gone_when_something_is_written(self, connection: Connection) -> None:
        connection.do(connection.transport.pause_reading)
        connection.peer.close()
        connection.do(lambda: connection.transport.write(b"to nobody"))
        connection.until(lambda: lost_with(connection))
        connection.rest()
        (error,) = lost_with(connection)
        assert type(error) is BrokenPipeError
        assert connection.reports == []

    def test_is_gone_when_something_is_written_and_closed(self, connection: Connection) -> None:
        connection.peer.close()
        transport = connection.transport
        connection.do(lambda: transport.write(b"to nobody"), transport.close, transport.abort)
        connection.rest()
        assert [type(error) for error in lost_with(connection)] == [BrokenPipeError]

    def test_goes_while_much_is_on_its_way(self, connection: Connection) -> None:
        connection.do(connection.transport.pause_reading)
        connection.do(lambda: connection.transport.write(bytes(3_000_000)))
        connection.peer.close()
        connection.until(lambda: lost_with(connection))
        connection.rest()
        # A Unix socket whose data was not read answers with a reset.
        assert len(lost_with(connection)) == 1
        assert isinstance(lost_with(connection)[0], (BrokenPipeError, ConnectionResetError))
        assert connection.transport.get_write_buffer_size() == 0

    def test_closes_its_half_while_ours_goes_on(self, connection: Connection) -> None:
        connection.protocol.acts["eof_received"] = lambda: True
        connection.peer.shutdown(socket.SHUT_WR)
        connection.until(lambda: "eof_received" in connection.protocol.names())
        connection.do(lambda: connection.transport.write(bytes(1_000_000)))
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) == 1_000_000)
        assert lost_with(connection) == []


class TestTheKernel:
    def test_takes_it_in_small_parts(self, connection: Connection) -> None:
        sock: Any = connection.transport._sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        data = os.urandom(200_000)
        parts = [data[start : start + 1000] for start in range(0, len(data), 1000)]

        def write_all() -> None:
            for part in parts:
                connection.transport.write(part)

        connection.do(write_all)
        assert connection.transport.get_write_buffer_size() > 0
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) == len(data))
        assert found == data
        assert connection.protocol.names().count("pause_writing") == 1
        connection.until(lambda: "resume_writing" in connection.protocol.names())

    def test_says_that_the_socket_was_closed_by_somebody_else(self, connection: Connection) -> None:
        sock: Any = connection.transport._sock
        connection.do(connection.transport.pause_reading)
        sock.close()
        # Its number is another file's now, which must get nothing.
        others = socket.socketpair()
        connection.do(lambda: connection.transport.write(b"for the first"))
        connection.rest()
        (error,) = lost_with(connection)
        assert (type(error), error.errno) == (OSError, errno.EBADF)
        for other in others:
            other.setblocking(False)
            with pytest.raises(BlockingIOError):
                other.recv(10)
        for other in others:
            other.close()

    @pytest.mark.parametrize("error", ["ENOBUFS", "ETIMEDOUT"])
    @pytest.mark.parametrize("pieces", ["1", "2"])
    def test_fails_in_another_way(self, error: str, pieces: str) -> None:
        ended = run("failing_sends", error, pieces)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")


class TestTheProtocol:
    @pytest.mark.parametrize("error", ORDINARY)
    @pytest.mark.parametrize("method", ["data_received", "eof_received"])
    def test_raises_and_is_lost_for_it(
        self, connection: Connection, method: str, error: type[BaseException]
    ) -> None:
        connection.protocol.acts[method] = raiser(error)
        connection.peer.send(b"data")
        connection.peer.shutdown(socket.SHUT_WR)
        connection.until(lambda: lost_with(connection))
        connection.rest()
        assert [type(lost) for lost in lost_with(connection)] == [error]
        (report,) = connection.reports
        assert report["message"] == f"Fatal error: protocol.{method}() call failed."
        assert type(report["exception"]) is error
        assert report["transport"] is connection.transport
        assert report["protocol"] is connection.protocol

    @pytest.mark.parametrize("error", EXITS)
    @pytest.mark.parametrize("method", ["data_received", "eof_received", "connection_lost"])
    def test_leaves_the_loop(
        self, connection: Connection, method: str, error: type[BaseException]
    ) -> None:
        connection.protocol.acts[method] = raiser(error)
        connection.peer.send(b"data")
        connection.peer.close()
        with pytest.raises(error, match="in the protocol"):
            connection.until(lambda: False)
        connection.protocol.acts.clear()
        assert connection.reports == []
        connection.rest()

    @pytest.mark.parametrize("error", [*ORDINARY, *EXITS])
    @pytest.mark.parametrize("method", ["get_buffer", "buffer_updated"])
    def test_raises_where_it_is_to_be_filled(self, method: str, error: type[BaseException]) -> None:
        protocol = BufferedRecorder()
        with connected(protocol=protocol) as connection:
            own = {"get_buffer": "get_buffer", "buffer_updated": "data_received"}[method]
            protocol.acts[own] = raiser(error)
            connection.peer.send(b"data")
            if error in EXITS:
                with pytest.raises(error, match="in the protocol"):
                    connection.until(lambda: False)
                protocol.acts.clear()
                return
            connection.until(lambda: "connection_lost" in protocol.names())
            (report,) = connection.reports
            assert report["message"] == f"Fatal error: protocol.{method}() call failed."

    @pytest.mark.parametrize(
        ("room", "message", "text"),
        [
            (bytearray(), "Fatal error: protocol.get_buffer() call failed.", "an empty buffer"),
            (b"fixed", "Fatal read error on socket transport", "read-write bytes-like object"),
            (7, "Fatal error: protocol.get_buffer() call failed.", "has no len()"),
        ],
    )
    def test_gives_a_buffer_that_is_none(self, room: Any, message: str, text: str) -> None:
        protocol = BufferedRecorder()
        with connected(protocol=protocol) as connection:
            protocol.acts["get_buffer"] = lambda _: room
            connection.peer.send(b"data")
            connection.until(lambda: "connection_lost" in protocol.names())
            (report,) = connection.reports
            assert report["message"] == message
            assert text in str(report["exception"])

    @pytest.mark.parametrize("error", ORDINARY)
    @pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
    def test_raises_where_it_is_told_of_the_buffer(
        self, connection: Connection, method: str, error: type[BaseException]
    ) -> None:
        connection.protocol.acts[method] = raiser(error)
        connection.do(lambda: connection.transport.write(bytes(3_000_000)))
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) == 3_000_000)
        connection.until(lambda: connection.reports)
        (report,) = connection.reports
        assert report["message"] == f"protocol.{method}() failed"
        assert type(report["exception"]) is error
        assert lost_with(connection) == []

    @pytest.mark.parametrize("error", EXITS)
    def test_leaves_the_loop_where_it_is_told_of_the_buffer(
        self, connection: Connection, error: type[BaseException]
    ) -> None:
        connection.transport.set_write_buffer_limits(high=30_000)
        sock: Any = connection.transport._sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        connection.protocol.acts["pause_writing"] = raiser(error)
        ran: list[str] = []
        written: list[bytes] = []

        def write_all() -> None:
            connection.loop.call_soon(ran.append, "after")
            for _ in range(60):
                written.append(bytes(1000))
                connection.transport.write(written[-1])

        connection.loop.call_soon(write_all)
        with pytest.raises(error, match="in the protocol"):
            connection.until(lambda: False)
        connection.rest()
        assert ran == ["after"]
        assert 30 < len(written) < 60
        whole, found = b"".join(written), bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) == len(whole))

    @pytest.mark.parametrize("ending", ["close", "abort"])
    @pytest.mark.parametrize(
        "method",
        ["data_received", "eof_received", "pause_writing", "resume_writing", "connection_lost"],
    )
    def test_ends_the_connection_in_each_of_its_methods(
        self, connection: Connection, method: str, ending: str
    ) -> None:
        end = getattr(connection.transport, ending)
        connection.protocol.acts[method] = lambda *_: end()
        connection.do(lambda: connection.transport.write(bytes(3_000_000)))
        with contextlib.suppress(BrokenPipeError):
            connection.peer.send(b"data")
        connection.rest()
        for _ in range(100):
            connection.at_peer()
            connection.rest()
        connection.peer.close()
        connection.until(lambda: lost_with(connection))
        connection.rest()
        assert len(lost_with(connection)) == 1
        assert connection.reports == []

    def test_gives_its_connection_to_another_while_it_is_read(self, connection: Connection) -> None:
        other = Recorder()

        def change(_: bytes) -> None:
            connection.transport.set_protocol(other)
            raise ValueError("after it")

        connection.protocol.acts["data_received"] = change
        connection.peer.send(b"data")
        connection.until(lambda: "connection_lost" in other.names())
        assert lost_with(connection) == []
        (report,) = connection.reports
        assert report["protocol"] is other

    def test_is_none_and_that_is_said(self, connection: Connection) -> None:
        connection.transport.set_protocol(None)  # type: ignore[arg-type]  # pyright: ignore
        connection.peer.send(b"data")
        connection.until(lambda: connection.reports)
        assert type(connection.reports[0]["exception"]) is AttributeError
        assert "data_received" in connection.reports[0]["message"]
        assert connection.transport.is_closing()


class TestAnErrorInATurn:
    @pytest.mark.parametrize("error", EXITS)
    def test_sends_what_was_written_before_it(
        self, connection: Connection, error: type[BaseException]
    ) -> None:
        def write_and_leave() -> None:
            connection.transport.write(b"before")
            raise error("leaves")

        connection.loop.call_soon(write_and_leave)
        with pytest.raises(error, match="leaves"):
            connection.until(lambda: False)
        assert connection.at_peer() == b"before"

    def test_sends_what_was_written_before_the_loop_stops(self, connection: Connection) -> None:
        def write_and_stop() -> None:
            connection.transport.write(b"before")
            connection.loop.stop()

        connection.loop.call_soon(write_and_stop)
        connection.loop.run_forever()
        assert connection.at_peer() == b"before"


# Eventlet says so at every fork once anybody has imported it.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
class TestAFork:
    def test_sends_once_what_was_written_before(self, connection: Connection) -> None:
        def write_and_fork() -> bytes:
            connection.transport.write(b"once")
            child = os.fork()
            if not child:
                try:
                    # It goes on to the end of the turn, and further.
                    connection.transport.write(b" by the child")
                    connection.transport._send_gathered()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            return connection.at_peer()

        assert connection.do(write_and_fork) == [b"once by the child"]
        assert connection.at_peer() == b""

    def test_that_runs_no_hooks_sends_it_in_the_parent_alone(self, connection: Connection) -> None:
        import ctypes

        fork = ctypes.PyDLL(None).fork

        def write_and_fork() -> None:
            connection.transport.write(b"once")
            child = fork()
            if not child:
                try:
                    connection.transport._send_gathered()
                    connection.transport.close()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)

        connection.do(write_and_fork)
        assert connection.at_peer() == b"once"
