"""Native transports: bytes move in Rust, everything else is as on asyncio's own."""

import asyncio
import contextlib
import contextvars
import gc
import os
import socket
import sys
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from connections import BufferedRecorder, Connection, Recorder, connected, pair
from endpoints import native_loop
from programs import run

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

KINDS = ["unix", "tcp"]


@pytest.fixture(params=KINDS)
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with connected(request.param) as connection:
        yield connection


def standard() -> Any:
    return vars(asyncio.selector_events)["_SelectorSocketTransport"]


class TestWhichTransports:
    @pytest.mark.parametrize("make", [sideloop.EventLoop, sideloop.new_event_loop])
    def test_are_ours_unless_others_are_asked_for(
        self, make: Callable[[], sideloop.EventLoop]
    ) -> None:
        loop = make()
        loop.set_debug(False)
        with connected(loop=loop) as connection:
            assert type(connection.transport).__name__ == "StreamTransport"

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_are_ours_for_calls(self, drive: Any) -> None:
        async def kind() -> str:
            asyncio.get_running_loop().set_debug(False)
            ours, peer = pair("unix")
            with peer:
                _, writer = await asyncio.open_unix_connection(sock=ours)
                writer.close()
                return type(writer.transport).__name__

        with sideloop.Runner(drive=drive) as runner:
            assert runner.run(kind) == "StreamTransport"

    def test_are_asyncios_where_those_are_asked_for(self) -> None:
        loop = sideloop.EventLoop(transports="asyncio")
        with connected(loop=loop) as connection:
            assert type(connection.transport) is standard()

    def test_are_ours_of_each_kind(self, connection: Connection) -> None:
        assert type(connection.transport).__name__ == "StreamTransport"
        assert isinstance(connection.transport, standard())

    def test_are_refused_by_other_names(self) -> None:
        with pytest.raises(ValueError, match=r"transports is 'uv'.*pass 'asyncio' or 'native'"):
            sideloop.EventLoop(transports="uv")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def test_are_asyncios_in_debug_mode(self) -> None:
        loop = sideloop.EventLoop(transports="native")
        loop.set_debug(True)
        with connected(loop=loop) as connection:
            assert type(connection.transport) is standard()

    def test_are_asyncios_with_a_selector_of_ones_own(self) -> None:
        import selectors

        loop = sideloop.EventLoop(selectors.PollSelector(), transports="native")
        with connected(loop=loop) as connection:
            assert type(connection.transport) is standard()

    def test_are_asyncios_for_a_socket_of_another_class(self) -> None:
        class Socket(socket.socket):
            pass

        ours, peer = pair("unix")
        own = Socket(fileno=ours.detach())
        loop = native_loop()
        transport, _ = loop.run_until_complete(loop.create_connection(Recorder, sock=own))
        assert type(transport) is standard()
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        peer.close()
        loop.close()

    def test_are_what_somebody_has_put_in_place_of_asyncios(self) -> None:
        class Patched(standard()):  # type: ignore[misc]
            pass

        loop = native_loop()
        with (
            mock.patch.object(asyncio.selector_events, "_SelectorSocketTransport", Patched),
            connected(loop=loop) as connection,
        ):
            assert type(connection.transport) is Patched


class TestReading:
    def test_hands_over_what_has_come(self, connection: Connection) -> None:
        connection.peer.send(b"first")
        connection.until(lambda: connection.protocol.received == b"first")
        connection.peer.send(b" second")
        connection.until(lambda: connection.protocol.received == b"first second")

    def test_hands_over_bytes_of_their_own(self, connection: Connection) -> None:
        connection.peer.send(b"one")
        connection.until(lambda: connection.protocol.received == b"one")
        connection.peer.send(b"two")
        connection.until(lambda: connection.protocol.received == b"onetwo")
        data = [event[1] for event in connection.protocol.events if event[0] == "data_received"]
        assert data == [b"one", b"two"], "the room that they were read into was handed over"

    @pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 262_144, 1_000_003])
    def test_loses_nothing_of_much(self, connection: Connection, size: int) -> None:
        data = os.urandom(size)
        connection.peer.setblocking(True)
        sending = connection.loop.run_in_executor(None, connection.peer.sendall, data)
        connection.until(lambda: len(connection.protocol.received) == size)
        connection.loop.run_until_complete(sending)
        connection.loop.run_until_complete(connection.loop.shutdown_default_executor())
        assert connection.protocol.received == data

    @pytest.mark.parametrize("size", [8, 5_000, 16_384, 60_000])
    def test_asks_the_system_for_no_memory_each_time(self, size: int) -> None:
        ended = run("page_faults", size)
        assert (ended.code, ended.stderr) == (0, "")
        assert float(ended.stdout) < 0.2, f"{ended.stdout} page faults a read"

    def test_stops_where_it_is_paused(self, connection: Connection) -> None:
        transport = connection.transport
        connection.do(transport.pause_reading)
        assert not transport.is_reading()
        connection.peer.send(b"later")
        connection.rest()
        assert connection.protocol.received == b""
        connection.do(transport.resume_reading)
        assert transport.is_reading()
        connection.until(lambda: connection.protocol.received == b"later")

    def test_ends_with_the_peer(self, connection: Connection) -> None:
        connection.peer.close()
        connection.until(lambda: "connection_lost" in connection.protocol.names())
        assert connection.protocol.events[-2:] == [("eof_received",), ("connection_lost", None)]

    def test_leaves_the_way_out_open_where_the_protocol_says_so(
        self, connection: Connection
    ) -> None:
        connection.protocol.acts["eof_received"] = lambda: True
        connection.peer.shutdown(socket.SHUT_WR)
        connection.until(lambda: "eof_received" in connection.protocol.names())
        connection.do(lambda: connection.transport.write(b"still here"))
        assert connection.at_peer() == b"still here"
        assert not connection.transport.is_closing()

    def test_fills_a_protocols_own_buffer(self) -> None:
        protocol = BufferedRecorder(size=4)
        with connected(protocol=protocol) as connection:
            connection.peer.send(b"0123456789")
            connection.until(lambda: protocol.received == b"0123456789")
            assert [len(event[1]) for event in protocol.events if len(event) > 1] == [4, 4, 2]

    def test_follows_a_change_of_protocol_in_the_middle(self, connection: Connection) -> None:
        second, third = BufferedRecorder(), Recorder()
        transport = connection.transport
        connection.protocol.acts["data_received"] = lambda _: transport.set_protocol(second)
        connection.peer.send(b"1")
        connection.until(lambda: connection.protocol.received == b"1")
        connection.peer.send(b"22")
        connection.until(lambda: second.received == b"22")
        assert transport.get_protocol() is second
        transport.set_protocol(third)
        connection.peer.send(b"333")
        connection.until(lambda: third.received == b"333")
        assert (connection.protocol.received, second.received) == (b"1", b"22")


class TestWriting:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    @pytest.mark.parametrize("size", [1, 65_536, 3_000_000])
    def test_sends_every_kind_of_bytes(self, connection: Connection, kind: Any, size: int) -> None:
        data = os.urandom(size)
        connection.do(lambda: connection.transport.write(kind(data)))
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) >= size)
        assert found == data

    def test_leaves_what_is_changed_afterwards_as_it_was(self, connection: Connection) -> None:
        data = bytearray(b"before")

        def write_and_change() -> None:
            connection.transport.write(data)
            connection.transport.write(memoryview(data)[:3])
            data[:] = b"afterwards"

        connection.do(write_and_change)
        assert connection.at_peer() == b"beforebef"

    def test_sends_what_one_turn_has_written_in_one_piece(self) -> None:
        with connected() as connection:
            write = connection.transport.write
            at_once = connection.do(
                lambda: write(b"one "),
                lambda: write(b"two "),
                connection.at_peer,
                lambda: connection.transport.writelines([b"three ", bytearray(b"four ")]),
                connection.at_peer,
            )
            assert at_once == [None, None, b"", None, b""]
            assert connection.at_peer() == b"one two three four "

    def test_sends_at_once_outside_of_a_turn(self, connection: Connection) -> None:
        connection.transport.write(b"now")
        assert connection.at_peer() == b"now"

    def test_sends_much_at_once(self) -> None:
        with connected() as connection:
            found = connection.do(
                lambda: connection.transport.write(b"small"),
                lambda: connection.transport.write(bytes(70_000)),
                connection.at_peer,
            )
            assert found[2] == b"small" + bytes(70_000)

    def test_says_after_each_write_how_much_has_not_left(self) -> None:
        with connected() as connection:
            sizes = connection.do(
                lambda: connection.transport.write(b"small"),
                connection.transport.get_write_buffer_size,
                connection.at_peer,
                lambda: connection.transport.write(bytes(3_000_000)),
                connection.transport.get_write_buffer_size,
            )
            assert sizes[1:3] == [0, b"small"]
            assert 0 < sizes[4] < 3_000_000

    def test_pauses_and_resumes_the_protocol(self, connection: Connection) -> None:
        connection.do(lambda: connection.transport.write(bytes(8_000_000)))
        assert connection.protocol.names()[-1] == "pause_writing"
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) >= 8_000_000)
        connection.until(lambda: connection.protocol.names()[-1] == "resume_writing")
        assert connection.protocol.names().count("pause_writing") == 1

    def test_keeps_the_limits_that_are_set(self, connection: Connection) -> None:
        transport = connection.transport
        assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
        transport.set_write_buffer_limits(high=1e6, low=10)
        assert transport.get_write_buffer_limits() == (10, 1e6)
        with pytest.raises(ValueError, match="must be >= low"):
            transport.set_write_buffer_limits(high=1, low=2)

    def test_gathers_nothing_where_nothing_may_be_buffered(self) -> None:
        with connected() as connection:
            connection.transport.set_write_buffer_limits(0)
            found = connection.do(lambda: connection.transport.write(b"now"), connection.at_peer)
            assert found == [None, b"now"]

    @pytest.mark.parametrize(
        "before",
        ["close", "abort", "write_eof", "pause_reading", "get_write_buffer_size"],
    )
    def test_has_left_before(self, before: str) -> None:
        with connected() as connection:
            found = connection.do(
                lambda: connection.transport.write(b"left"),
                connection.at_peer,
                getattr(connection.transport, before),
                connection.at_peer,
            )
            assert (found[1], found[3]) == (b"", b"left")

    def test_has_left_before_somebody_uses_the_socket(self) -> None:
        with connected() as connection:
            found = connection.do(
                lambda: connection.transport.write(b"left"),
                lambda: connection.transport.get_extra_info("peername") and None,
                connection.at_peer,
                lambda: connection.transport.get_extra_info("socket") and None,
                connection.at_peer,
            )
            assert found[2::2] == [b"", b"left"]

    def test_has_left_before_the_loop_is_turned_inside_of_a_turn(self) -> None:
        with connected() as connection:
            loop: Any = connection.loop

            def turn_again() -> bytes:
                connection.transport.write(b"left")
                loop.call_soon(lambda: None)
                loop._run_once()
                return connection.at_peer()

            assert connection.do(turn_again) == [b"left"]

    def test_leaves_after_the_loop_was_turned_inside_of_a_turn(self) -> None:
        with connected() as connection:
            loop: Any = connection.loop

            def write_from_both() -> None:
                loop.call_soon(connection.transport.write, b"inner ")
                loop._run_once()
                connection.transport.write(b"outer")

            connection.do(write_from_both)
            assert connection.at_peer() == b"inner outer"

    def test_sends_what_the_first_step_of_a_call_has_written_in_one_piece(self) -> None:
        ours, peer = pair("unix")

        async def connect() -> Any:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            return transport

        async def write() -> bytes:
            transport.write(b"one ")
            with contextlib.suppress(BlockingIOError):
                return peer.recv(10)
            transport.write(b"two")
            return b""

        async def close() -> None:
            transport.abort()

        with peer, sideloop.Runner(drive="thread", loop_factory=native_loop) as runner:
            transport = runner.run(connect)
            assert runner.run(write) == b""
            peer.setblocking(True)
            assert peer.recv(10) == b"one two"
            runner.run(close)

    def test_has_left_before_a_call_from_a_callback_waits(self) -> None:
        with connected() as connection, sideloop.Runner() as other:

            async def look() -> bytes:
                return connection.at_peer()

            def call() -> bytes:
                connection.transport.write(b"left")
                return other.run(look)

            assert connection.do(call) == [b"left"]

    def test_closes_when_all_has_left(self, connection: Connection) -> None:
        connection.do(
            lambda: connection.transport.write(bytes(20_000_000)), connection.transport.close
        )
        assert connection.transport.is_closing()
        assert "connection_lost" not in connection.protocol.names()
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) >= 20_000_000)
        connection.until(lambda: connection.protocol.events[-1] == ("connection_lost", None))

    def test_shuts_down_when_all_has_left(self, connection: Connection) -> None:
        transport = connection.transport
        connection.do(lambda: transport.write(bytes(20_000_000)), transport.write_eof)
        connection.peer.setblocking(True)
        connection.peer.settimeout(0.01)
        found = bytearray()

        def read() -> bool:
            try:
                data = connection.peer.recv(1 << 20)
            except TimeoutError:
                return False
            found.extend(data)
            return not data

        connection.until(read)
        assert len(found) == 20_000_000
        with pytest.raises(RuntimeError, match=r"Cannot call write\(\) after write_eof\(\)"):
            transport.write(b"more")

    @pytest.mark.parametrize("data", ["text", None, 1, [b"a"]])
    def test_refuses_what_is_no_bytes_in_asyncios_words(
        self, connection: Connection, data: Any
    ) -> None:
        with pytest.raises(TypeError) as refused:
            connection.transport.write(data)
        with pytest.raises(TypeError) as asyncios:
            standard().write(mock.Mock(), data)
        assert str(refused.value) == str(asyncios.value)

    def test_writes_nothing_for_nothing(self, connection: Connection) -> None:
        connection.do(
            lambda: connection.transport.write(b""),
            lambda: connection.transport.write(bytearray()),
            lambda: connection.transport.writelines([]),
            lambda: connection.transport.writelines([b"", b""]),
        )
        assert connection.at_peer() == b""

    def test_refuses_lines_as_asyncio_does(self, connection: Connection) -> None:
        with pytest.raises(TypeError):
            connection.transport.writelines([b"one", "two"])
        connection.rest()
        assert connection.at_peer() == b""

    def test_takes_lines_of_all_kinds_and_from_iterators(self, connection: Connection) -> None:
        lines = (line for line in [b"one ", bytearray(b"two "), memoryview(b"three")])
        connection.do(lambda: connection.transport.writelines(lines))
        assert connection.at_peer() == b"one two three"

    def test_sends_more_pieces_than_a_call_takes(self, connection: Connection) -> None:
        pieces = [str(number).encode() for number in range(3000)]

        def write_all() -> None:
            for piece in pieces:
                connection.transport.write(piece)

        connection.do(write_all)
        whole = b"".join(pieces)
        found = bytearray()
        connection.until(lambda: found.extend(connection.at_peer()) or len(found) >= len(whole))
        assert found == whole


class TestOneThatIsLost:
    def test_forgets_its_protocol_and_loop(self, connection: Connection) -> None:
        connection.do(connection.transport.close)
        assert connection.protocol.events[-1] == ("connection_lost", None)
        assert connection.transport.get_protocol() is None
        assert "closed" in repr(connection.transport)

    def test_takes_writes_and_warns_of_many(
        self, connection: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection.do(connection.transport.close)
        for _ in range(4):
            connection.transport.write(b"nowhere")
        assert caplog.messages == []
        connection.transport.write(b"nowhere")
        assert caplog.messages == ["socket.send() raised exception."]

    def test_is_dropped_without_the_collector(self, connection: Connection) -> None:
        ours, peer = pair("unix")
        loop = connection.loop
        transport, _ = loop.run_until_complete(loop.create_connection(Recorder, sock=ours))
        transport.write(b"some")
        transport.close()
        loop.run_until_complete(asyncio.sleep(0.001))
        seen = weakref.ref(transport)
        gc.disable()
        try:
            del transport
            assert seen() is None
        finally:
            gc.enable()
        peer.close()

    def test_is_collected_with_its_loop_and_warned_of(self) -> None:
        ours, peer = pair("unix")
        loop = native_loop()

        class Holding(Recorder):
            transport: Any = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

        transport, protocol = loop.run_until_complete(loop.create_connection(Holding, sock=ours))
        transport.pause_reading()
        seen = weakref.ref(transport)
        loop.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol, loop, ours
            gc.collect()
        texts = [str(one.message) for one in caught if one.category is ResourceWarning]
        assert any(text.startswith("unclosed transport <StreamTransport") for text in texts), texts
        # A warning that is kept holds what it is of: no weak reference to that is cleared (3.15).
        caught.clear()
        gc.collect()
        assert seen() is None
        peer.setblocking(True)
        assert peer.recv(1) == b"", "its socket was not closed"
        peer.close()


class TestAsyncioOnTop:
    """What asyncio's own methods do with a transport of ours."""

    def test_sends_a_file(self, connection: Connection, tmp_path: Any) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"from a file")
        loop, transport = connection.loop, connection.transport

        async def send() -> int:
            transport.write(b"before ")
            with path.open("rb") as file:
                return await loop.sendfile(transport, file)

        assert loop.run_until_complete(send()) == 11
        connection.do(lambda: transport.write(b" after"))
        assert connection.at_peer() == b"before from a file after"

    def test_refuses_writes_while_it_does(self, connection: Connection) -> None:
        connection.do(connection.transport._make_empty_waiter)
        with pytest.raises(RuntimeError, match="unable to write; sendfile is in progress"):
            connection.transport.write(b"between")
        connection.transport._reset_empty_waiter()

    def test_serves_streams(self) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.close()

        async def main() -> bytes:
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert type(writer.transport).__name__ == "StreamTransport"
            data = os.urandom(1 << 20)

            async def write() -> None:
                writer.write(data)
                await writer.drain()
                writer.write_eof()

            writing = asyncio.create_task(write())
            found = await reader.read()
            await writing
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
            return found if found != data else b"same"

        loop = native_loop()
        assert loop.run_until_complete(main()) == b"same"
        loop.close()

    def test_calls_back_in_the_context_in_which_it_was_made(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
        protocol = Recorder()
        seen: list[tuple[str, str]] = []
        told = ("data_received", "eof_received", "connection_lost")
        for name in told:
            protocol.acts[name] = lambda *_, name=name: seen.append((name, variable.get()))

        async def connect() -> Any:
            variable.set("maker")
            loop = asyncio.get_running_loop()
            ours, peer = pair("unix")
            transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
            return transport, peer

        loop = native_loop()
        transport, peer = loop.run_until_complete(connect())

        async def use() -> None:
            variable.set("user")
            peer.send(b"some")
            await asyncio.sleep(0.01)
            transport.write(bytes(50_000))
            transport.write(bytes(10_000))
            await asyncio.sleep(0)
            peer.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.01)

        loop.run_until_complete(use())
        loop.run_until_complete(asyncio.sleep(0.01))
        assert seen == [(name, "maker") for name in told]
        peer.close()
        loop.close()


class TestACall:
    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_has_sent_what_it_has_written_when_it_ends(self, drive: Any) -> None:
        ours, peer = pair("unix")
        peer.settimeout(20)
        writers: list[asyncio.StreamWriter] = []

        async def connect() -> None:
            asyncio.get_running_loop().set_debug(False)
            _, writer = await asyncio.open_unix_connection(sock=ours)
            writers.append(writer)

        async def write(data: bytes, error: Exception | None = None) -> None:
            writers[0].write(data)
            if error is not None:
                raise error

        async def items() -> AsyncGenerator[bytes, None]:
            for item in (b"one", b"two"):
                writers[0].write(item)
                yield item

        async def close() -> None:
            writers[0].close()
            await writers[0].wait_closed()

        with peer, sideloop.Runner(drive=drive) as runner:
            runner.run(connect)
            runner.run(write, b"returned")
            assert peer.recv(100) == b"returned"
            with pytest.raises(ValueError, match="raised"):
                runner.run(write, b"raised", ValueError("raised"))
            assert peer.recv(100) == b"raised"
            for item in runner.iterate(items()):
                assert peer.recv(100) == item
            runner.run(close)
