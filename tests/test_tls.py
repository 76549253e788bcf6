"""TLS over native transports: asyncio's own, with its records made and read by way of Rust."""

import asyncio
import gc
import ssl
import sys
import warnings
import weakref
from asyncio import sslproto
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType
from typing import Any
from unittest import mock

import pytest
from connections import BufferedRecorder, Connection, Recorder, pair
from programs import run
from secured import Peer, contexts, layer, secured, since_311

import sideloop
from sideloop._loops import tls
from sideloop._sideloop import TlsCore

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere"),
]

Secured = tuple[Connection, Peer]


@pytest.fixture(params=["client", "server"])
def both(request: pytest.FixtureRequest) -> Iterator[Secured]:
    with secured(server_side=request.param == "server") as both:
        yield both


class TestWhichConnections:
    @since_311
    def test_are_ours_where_transports_are_native(self, both: Secured) -> None:
        transport = both[0].transport
        assert type(transport).__name__ == "SSLTransport"
        assert type(layer(transport)).__name__ == "TlsProtocol"
        assert type(layer(transport)._transport).__name__ == "StreamTransport"
        assert isinstance(layer(transport), sslproto.SSLProtocol)

    @pytest.mark.parametrize("server_side", [False, True])
    def test_are_asyncios_elsewhere(self, server_side: bool) -> None:
        with secured(transports="asyncio", server_side=server_side) as (connection, _):
            assert type(connection.transport).__module__ == "asyncio.sslproto"
            assert type(layer(connection.transport)) is sslproto.SSLProtocol

    @pytest.mark.parametrize("name", ["SSLProtocol", "_SSLProtocolTransport"])
    def test_are_of_what_somebody_has_put_in_place_of_asyncios(self, name: str) -> None:
        other = type("Other", (vars(sslproto)[name],), {})
        with mock.patch.object(sslproto, name, other), secured() as (connection, _):
            transport = connection.transport
            assert other in (type(transport), type(layer(transport)))

    @pytest.mark.parametrize(
        "name",
        [
            *("__init__", "_set_app_protocol", "_get_app_transport", "_wakeup_waiter"),
            *("connection_made", "_start_handshake", "_do_handshake", "_on_handshake_complete"),
            *("get_buffer", "buffer_updated", "_do_read", "_write_appdata", "_set_state"),
        ],
    )
    def test_are_asyncios_where_somebody_has_replaced_a_method(self, name: str) -> None:
        own = vars(sslproto.SSLProtocol).get(name)
        if own is None:
            pytest.skip("asyncio's has none")
        called: list[str] = []

        def other(*args: Any, **options: Any) -> Any:
            called.append(name)
            return own(*args, **options)

        with mock.patch.object(sslproto.SSLProtocol, name, other), secured() as (connection, peer):
            assert type(layer(connection.transport)) is sslproto.SSLProtocol
            peer.send(b"hello")
            connection.do(lambda: connection.transport.write(b"hello"))
            assert called

    @since_311
    @pytest.mark.parametrize("name", sorted(vars(TlsCore)))
    def test_know_of_each_method_that_ours_stand_in_front_of(self, name: str) -> None:
        own = vars(sslproto.SSLProtocol).get(name)
        if isinstance(own, FunctionType):
            assert name in tls._OVERRIDDEN

    @since_311
    @pytest.mark.parametrize(
        "name", ["read", "write", "do_handshake", "unwrap", "getpeercert", "cipher", "compression"]
    )
    def test_ask_a_method_of_the_engine_that_somebody_has_replaced(self, name: str) -> None:
        own = getattr(ssl.SSLObject, name)
        asked: list[Any] = []

        def other(engine: ssl.SSLObject, *args: Any) -> Any:
            asked.append(engine)
            return own(engine, *args)

        # One before, so that it is known how the class was.
        with secured():
            pass
        with mock.patch.object(ssl.SSLObject, name, other):
            # Nor is the class known as it is now, with the version that its use has given it.
            for _ in range(3):
                with secured() as (connection, peer):
                    engine = connection.transport.get_extra_info("ssl_object")
                    peer.send(b"hello")
                    connection.do(lambda here=connection: here.transport.write(b"hello"))
                    connection.do(connection.transport.close)
                assert engine in asked

    @since_311
    def test_are_of_what_somebody_has_put_in_place_of_asyncios_maker(self) -> None:
        class_ = BaseSelectorEventLoop
        own = vars(class_)["_make_ssl_transport"]
        made: list[Any] = []

        def other(*args: Any, **options: Any) -> Any:
            made.append(args)
            return own(*args, **options)

        with mock.patch.object(class_, "_make_ssl_transport", other), secured():
            assert len(made) == 1

    def test_are_asyncios_in_debug_mode(self) -> None:
        loop = sideloop.EventLoop(transports="native")
        loop.set_debug(True)
        ours, theirs = pair("unix")
        making: Any = loop
        transport = making._make_ssl_transport(
            ours, Recorder(), contexts()[1], server_hostname="localhost"
        )
        assert type(layer(transport)) is sslproto.SSLProtocol
        loop.run_until_complete(asyncio.sleep(0))
        transport.abort()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        theirs.close()
        loop.close()

    def test_of_a_loop_that_makes_its_own_are_those(self) -> None:
        made: list[Any] = []

        class Loop(sideloop.EventLoop):
            def _make_ssl_transport(self, *args: Any, **options: Any) -> Any:
                made.append(args)
                return super()._make_ssl_transport(*args, **options)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]

        with mock.patch.object(sideloop, "EventLoop", Loop), secured():
            assert len(made) == 1


class TestWhatIsWritten:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    @pytest.mark.parametrize("size", [1, 100, 16_384, 16_385, 200_000])
    def test_comes_out_at_the_other_end(self, both: Secured, kind: Any, size: int) -> None:
        connection, peer = both
        data = bytes(range(256)) * (size // 256 + 1)
        connection.do(lambda: connection.transport.write(kind(data[:size])))
        for _ in range(20):
            peer.turn()
            connection.rest()
        assert peer.received == data[:size]

    def test_in_one_turn_leaves_in_one_piece(self, both: Secured) -> None:
        connection, peer = both
        sent: list[bytes] = []
        write = connection.transport.write
        connection.do(lambda: [write(b"%d" % number) for number in range(5)])
        sent.append(peer.sock.recv(1 << 16))
        peer.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.sock.recv(1)
        # A record for each, as asyncio makes them.
        assert len(split(sent[0])) == 5

    def test_may_be_lines(self, both: Secured) -> None:
        connection, peer = both
        lines = [b"one", b"two", bytearray(b"three")]
        connection.do(lambda: connection.transport.writelines(lines[:2]))
        connection.do(lambda: connection.transport.writelines(lines))
        peer.turn()
        assert peer.received == b"onetwoonetwothree"

    @since_311
    def test_comes_after_what_waits_already(self, both: Secured) -> None:
        connection, peer = both
        transport = connection.transport
        transport._test__append_write_backlog(b"first")
        connection.do(lambda: transport.write(b"second"))
        peer.turn()
        assert peer.received == b"firstsecond"

    @pytest.mark.parametrize("what", ["text", None, 1])
    def test_must_be_bytes(self, both: Secured, what: Any) -> None:
        with pytest.raises(TypeError):
            both[0].transport.write(what)

    def test_has_no_end_of_its_own(self, both: Secured) -> None:
        assert not both[0].transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            both[0].transport.write_eof()

    def test_before_the_handshake_is_over_leaves_after_it(self) -> None:
        class Early(Recorder):
            def connection_made(self, transport: Any) -> None:
                transport.write(b"early")

        with secured(protocol=Early()) as (connection, peer):
            connection.rest()
            peer.turn()
            assert peer.received == b"early"

    def test_after_close_goes_nowhere(self, both: Secured) -> None:
        connection, peer = both
        connection.do(connection.transport.close, lambda: connection.transport.write(b"late"))
        peer.turn()
        assert peer.received == b""

    def test_pauses_the_protocol_when_it_is_too_much(self, both: Secured) -> None:
        connection, peer = both
        # The first has gone to the transport below, as asyncio counts.
        for _ in range(2):
            connection.do(lambda: connection.transport.write(bytes(1_500_000)))
        assert connection.protocol.names()[-1] == "pause_writing"
        assert connection.transport.get_write_buffer_size() > 0
        for _ in range(200):
            peer.turn()
            connection.rest()
            if connection.protocol.names()[-1] == "resume_writing":
                break
        for _ in range(200):
            peer.turn()
            connection.rest()
            if len(peer.received) == 3_000_000:
                break
        assert len(peer.received) == 3_000_000
        assert connection.protocol.names()[-1] == "resume_writing"


def split(stream: bytes) -> list[bytes]:
    """The records of a stream."""
    found = []
    while stream:
        length = 5 + int.from_bytes(stream[3:5], "big")
        found.append(stream[:length])
        stream = stream[length:]
    return found


class TestWhatIsRead:
    @pytest.mark.parametrize("size", [1, 100, 16_384, 16_385, 200_000])
    @pytest.mark.parametrize("buffered", [False, True])
    def test_comes_whole_in_whatever_pieces(self, both: Secured, size: int, buffered: bool) -> None:
        connection, peer = both
        protocol: Any = BufferedRecorder() if buffered else connection.protocol
        connection.transport.set_protocol(protocol)
        data = bytes(range(256)) * (size // 256 + 1)
        records = peer.records(data[:size])
        step = max(1, len(records) // 7)
        for start in range(0, len(records), step):
            peer.send_raw(records[start : start + step])
            connection.rest()
        assert protocol.received == data[:size]

    @since_311
    def test_that_came_together_is_told_at_once(self, both: Secured) -> None:
        connection, peer = both
        peer.send_raw(b"".join(peer.records(b"%d" % number) for number in range(5)))
        connection.rest()
        told = [event for event in connection.protocol.events if event[0] == "data_received"]
        assert told == [("data_received", b"01234")]

    @since_311
    @pytest.mark.parametrize("size", [100, 8 * 1024, 40_000])
    def test_runs_no_python_code_but_the_protocols(self, both: Secured, size: int) -> None:
        """A signal handler that raises in the midst of it would be taken for something else."""
        connection, peer = both
        called: set[str] = set()
        inside = 0

        def note(frame: FrameType, event: str, arg: Any) -> None:
            nonlocal inside
            name = getattr(arg, "__qualname__", "")
            if event == "c_call" and name.endswith("buffer_updated"):
                inside += 1
            elif event in ("c_return", "c_exception") and name.endswith("buffer_updated"):
                inside -= 1
            elif event == "call" and inside:
                called.add(frame.f_code.co_qualname)

        update = layer(connection.transport).buffer_updated
        data = peer.records(bytes(size))
        view = layer(connection.transport).get_buffer(len(data))
        view[: len(data)] = data
        sys.setprofile(note)
        try:
            update(len(data))
        finally:
            sys.setprofile(None)
        assert len(connection.protocol.received) == size
        assert called == {"Recorder.data_received", "Recorder._told"}

    def test_waits_while_reading_is_paused(self, both: Secured) -> None:
        connection, peer = both
        connection.do(connection.transport.pause_reading)
        assert not connection.transport.is_reading()
        peer.send(b"patience")
        connection.rest()
        assert connection.protocol.received == b""
        connection.do(connection.transport.resume_reading)
        assert connection.protocol.received == b"patience"

    @since_311
    def test_is_not_asked_for_in_vain(self) -> None:
        reads: list[int] = []

        class Counting(ssl.SSLObject):
            def read(self, *args: Any) -> Any:
                reads.append(args[0])
                return super().read(*args)

        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.sslobject_class = Counting
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        with secured(given=(contexts()[0], client)) as (connection, peer):
            reads.clear()
            peer.send(b"one")
            connection.rest()
            assert len(reads) == 1
            peer.send_raw(peer.records(b"two") + peer.records(b"three"))
            connection.rest()
            assert len(reads) == 3
            # Of 16 KiB at once there may be more in the same record.
            peer.send(bytes(16_384))
            connection.rest()
            assert len(reads) == 4
            assert len(connection.protocol.received) == 11 + 16_384
            # Room for what has come, and no more.
            assert max(reads) <= 16_384 < 4 * max(reads)


class TestTheEnd:
    def test_is_said_by_tls_on_close(self, both: Secured) -> None:
        connection, peer = both
        connection.do(lambda: connection.transport.write(b"last"), connection.transport.close)
        peer.turn()
        assert (bytes(peer.received), peer.said_end) == (b"last", True)
        peer.say_end()
        connection.rest()
        assert connection.protocol.events[-1] == ("connection_lost", None)

    def test_is_not_said_on_abort(self, both: Secured) -> None:
        connection, peer = both
        connection.do(connection.transport.abort)
        peer.turn()
        assert not peer.said_end
        assert connection.protocol.events[-1] == ("connection_lost", None)

    @since_311
    def test_of_the_peer_is_told(self, both: Secured) -> None:
        connection, peer = both
        peer.say_end()
        connection.rest()
        assert connection.protocol.names()[-2:] == ["eof_received", "connection_lost"]

    def test_of_the_peer_without_a_word_is_told_too(self, both: Secured) -> None:
        connection, peer = both
        peer.sock.close()
        connection.rest()
        assert connection.protocol.names()[-1] == "connection_lost"

    def test_is_waited_for_no_longer_than_was_said(self) -> None:
        with secured(**({"ssl_shutdown_timeout": 0.05} if sys.version_info >= (3, 11) else {})) as (
            connection,
            _,
        ):
            if sys.version_info < (3, 11):
                return
            connection.do(connection.transport.close)
            connection.until(lambda: connection.protocol.names()[-1] == "connection_lost")
            assert str(connection.protocol.events[-1][1]) == "SSL shutdown timed out"

    @since_311
    def test_leaves_nothing_for_the_collector(self) -> None:
        with secured() as (connection, peer):
            protocol = connection.protocol
            gone = weakref.ref(layer(connection.transport))
            peer.say_end()
            connection.rest()
            assert protocol.names()[-1] == "connection_lost"
            connection.transport = mock.Mock()
            gc.collect()
            assert gone() is None

    @since_311
    def test_without_a_close_is_warned_of(self) -> None:
        with secured() as (connection, _):
            connection.protocol.acts.clear()
            transport = connection.transport
            lost = layer(transport)
            connection.transport = mock.Mock()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                lost._transport.abort()
                lost._app_transport = None
                del transport
                gc.collect()
            assert any("unclosed transport" in str(warning.message) for warning in caught)
            connection.rest()


class TestAProtocolThatRaises:
    @pytest.mark.parametrize(
        ("name", "act"),
        [
            ("data_received", lambda _, peer: peer.send(b"data")),
            pytest.param("eof_received", lambda _, peer: peer.say_end(), marks=since_311),
            (
                "pause_writing",
                lambda transport, _: [transport.write(bytes(1_500_000)) for _ in "12"],
            ),
            ("connection_lost", lambda transport, _: transport.abort()),
        ],
    )
    def test_is_reported_as_asyncio_reports_it(
        self, name: str, act: Callable[[Any, Any], object]
    ) -> None:
        def raises(*_: object) -> None:
            raise ValueError(name)

        found = []
        for transports in ("native", "asyncio"):
            with secured(transports=transports) as (connection, peer):
                connection.protocol.acts[name] = raises
                connection.do(lambda: act(connection.transport, peer))  # called here
                connection.rest()
                reports = [(one["message"], repr(one["exception"])) for one in connection.reports]
                reports = [(message.partition(" Recorder")[0], error) for message, error in reports]
                found.append((connection.protocol.names(), reports))
        assert found[0] == found[1]
        assert found[0][1]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_leaves_the_loop_with_an_exit(self, error: type[BaseException]) -> None:
        def exits(_: bytes) -> None:
            raise error

        with secured() as (connection, peer):
            connection.protocol.acts["data_received"] = exits
            peer.send(b"data")
            with pytest.raises(error):
                connection.rest()


@since_311
class TestTheMemory:
    def test_of_an_idle_connection_is_small(self) -> None:
        # Of both ends: asyncio's takes 560.
        took, alone = (int(run("tls_memory", *how).stdout) for how in ((), ("alone",)))
        assert took <= alone + 24
