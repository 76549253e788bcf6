"""TLS over native transports: asyncio's own, with its records made and read by way of Rust."""

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
import warnings
import weakref
from asyncio import sslproto
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trustme
from connections import BufferedRecorder, Connection, Recorder, pair
from programs import run
from secured import Peer, contexts, secured, server_context

import sideloop

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere"),
]

since_311 = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="asyncio's SSLProtocol was another one"
)

Secured = tuple[Connection, Peer]


@pytest.fixture(params=["client", "server"])
def both(request: pytest.FixtureRequest) -> Iterator[Secured]:
    with secured(server_side=request.param == "server") as both:
        yield both


def layer(transport: Any) -> Any:
    """What stands between a transport and its socket's."""
    return transport._ssl_protocol


def loop_of(transports: Any = "native") -> asyncio.AbstractEventLoop:
    loop = sideloop.EventLoop(transports=transports)
    loop.set_debug(False)
    return loop


class TestWhichConnections:
    @since_311
    def test_are_ours_where_transports_are_native(self, both: Secured) -> None:
        transport = both[0].transport
        assert type(transport).__name__ == "TlsTransport"
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

    @pytest.mark.parametrize("name", ["_do_read", "_write_appdata", "buffer_updated"])
    def test_are_asyncios_where_somebody_has_replaced_a_method(self, name: str) -> None:
        own = vars(sslproto.SSLProtocol).get(name)
        if own is None:
            pytest.skip("asyncio's has none")
        called: list[str] = []

        def other(*args: Any) -> Any:
            called.append(name)
            return own(*args)

        with mock.patch.object(sslproto.SSLProtocol, name, other), secured() as (connection, peer):
            assert type(layer(connection.transport)) is sslproto.SSLProtocol
            peer.send(b"hello")
            connection.do(lambda: connection.transport.write(b"hello"))
            assert called

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

    def test_that_came_together_is_told_at_once(self, both: Secured) -> None:
        connection, peer = both
        peer.send_raw(b"".join(peer.records(b"%d" % number) for number in range(5)))
        connection.rest()
        told = [event for event in connection.protocol.events if event[0] == "data_received"]
        assert told == [("data_received", b"01234")]

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
        with mock.patch("secured.contexts", lambda: (contexts()[0], client)):
            with secured() as (connection, peer):
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
            ("eof_received", lambda _, peer: peer.say_end()),
            ("pause_writing", lambda transport, _: [transport.write(bytes(1_500_000)) for _ in "12"]),
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
                connection.do(lambda: act(connection.transport, peer))  # noqa: B023  # called here
                connection.rest()
                reports = [(one["message"], repr(one["exception"])) for one in connection.reports]
                reports = [
                    (message.partition(" Recorder")[0], error) for message, error in reports
                ]
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


class TestAHandshake:
    def connect(
        self, transports: Any, serve: Callable[[socket.socket], object], **options: Any
    ) -> list[Any]:
        """What comes of connecting to somebody who does so."""
        loop = loop_of(transports)
        reports: list[Any] = []
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        ours, theirs = pair("tcp")
        told = Recorder()

        async def main() -> None:
            connecting = asyncio.ensure_future(
                loop.create_connection(
                    lambda: told, sock=ours, ssl=contexts()[1], server_hostname="localhost", **options
                )
            )
            await asyncio.sleep(0.01)
            serve(theirs)
            await connecting

        try:
            with pytest.raises(Exception) as raised:
                loop.run_until_complete(main())
            loop.run_until_complete(asyncio.sleep(0))
        finally:
            theirs.close()
            loop.close()
        text = str(raised.value).partition(" (_ssl.c")[0]
        return [type(raised.value), text, told.names(), reports]

    @pytest.mark.parametrize(
        "serve",
        [
            lambda sock: sock.close(),
            lambda sock: (sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" + bytes(4)), sock.close()),
            lambda sock: sock.shutdown(socket.SHUT_WR),
            lambda sock: sock.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            lambda sock: sock.send(bytes(5)),
        ],
        ids=["closes", "resets", "half", "http", "zeros"],
    )
    def test_fails_as_asyncios_does(self, serve: Callable[[socket.socket], object]) -> None:
        assert self.connect("native", serve) == self.connect("asyncio", serve)

    def test_that_takes_too_long_is_ended(self) -> None:
        options = {"ssl_handshake_timeout": 0.05}
        native, standard = (
            self.connect(transports, lambda _: None, **options)
            for transports in ("native", "asyncio")
        )
        assert native == standard
        assert "SSL handshake is taking longer than 0.05 seconds" in native[1]

    @pytest.mark.parametrize("trusts", [False, True])
    def test_with_a_certificate_that_does_not_verify_fails(self, trusts: bool) -> None:
        """Of an authority that nobody knows, or of another host."""
        client = contexts()[1] if trusts else ssl.create_default_context()
        found = []
        for transports in ("native", "asyncio"):
            loop = loop_of(transports)
            loop.set_exception_handler(lambda *_: None)
            told = Recorder()

            async def main(told: Recorder = told) -> None:
                loop = asyncio.get_running_loop()
                server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=contexts()[0])
                address = server.sockets[0].getsockname()
                name = "elsewhere" if trusts else "localhost"
                try:
                    await loop.create_connection(
                        lambda: told, *address, ssl=client, server_hostname=name
                    )
                finally:
                    server.close()

            with pytest.raises(ssl.SSLCertVerificationError) as raised:
                loop.run_until_complete(main())
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()
            found.append((raised.value.verify_message, told.names()))
        assert found[0] == found[1]

    def test_tells_what_was_agreed_on(self) -> None:
        server, client = contexts()
        server.set_alpn_protocols(["h2", "http/1.1"])
        client.set_alpn_protocols(["http/1.1"])
        names: list[Any] = []
        server.sni_callback = lambda _object, name, _context: names.append(name)
        contexts.cache_clear()
        found = []
        for transports in ("native", "asyncio"):
            with mock.patch("secured.contexts", lambda: (server, client)):
                with secured(transports=transports) as (connection, _):
                    info = connection.transport.get_extra_info
                    found.append(
                        [
                            info("ssl_object").selected_alpn_protocol(),
                            info("sslcontext") is client,
                            info("peercert"),
                            info("cipher"),
                            info("compression"),
                            info("peername"),
                            type(info("socket")),
                            info("nothing", "default"),
                        ]
                    )
        assert found[0] == found[1]
        assert found[0][0] == "http/1.1"
        assert names == ["localhost"] * 2

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_may_be_of_either_version(self, version: ssl.TLSVersion) -> None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        server = server_context(version)
        with mock.patch("secured.contexts", lambda: (server, client)):
            with secured() as (connection, peer):
                peer.send(b"hello")
                connection.do(lambda: connection.transport.write(b"hello"))
                peer.turn()
                assert (connection.protocol.received, peer.received) == (b"hello", b"hello")


class TestStartTls:
    def test_puts_ours_over_ours_and_over_itself(self) -> None:
        loop = loop_of()
        server, client = contexts()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            protocol = writer.transport.get_protocol()
            over: Any = writer.transport
            for _ in range(2):
                writer.write(await reader.readline())
                await writer.drain()
                over = await loop.start_tls(over, protocol, server, server_side=True)
                protocol._stream_writer = writer  # type: ignore[attr-defined]  # pyright: ignore
                writer._transport = over  # type: ignore[attr-defined]  # pyright: ignore
                reader._transport = over  # type: ignore[attr-defined]  # pyright: ignore
            writer.write(await reader.readline())
            writer.close()

        async def main() -> list[Any]:
            serving = await asyncio.start_server(serve, "127.0.0.1", 0)
            address = serving.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            protocol = writer.transport.get_protocol()
            found: list[Any] = []
            over: Any = writer.transport
            for place in range(3):
                writer.write(b"line %d\n" % place)
                found.append((await reader.readline(), type(over).__name__))
                if place < 2:
                    over = await loop.start_tls(over, protocol, client, server_hostname="localhost")
                    writer._transport = over  # type: ignore[attr-defined]  # pyright: ignore
                    reader._transport = over  # type: ignore[attr-defined]  # pyright: ignore
            writer.close()
            serving.close()
            await asyncio.sleep(0.05)
            return found

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            found = loop.run_until_complete(asyncio.wait_for(main(), 20))
            loop.close()
            gc.collect()
        kind = "TlsTransport" if sys.version_info >= (3, 11) else "_SSLProtocolTransport"
        kinds = ["StreamTransport", kind, kind]
        assert found == [(b"line %d\n" % place, name) for place, name in enumerate(kinds)]

    @pytest.mark.parametrize("what", ["context", "transport"])
    def test_refuses_what_asyncios_refuses(self, what: str) -> None:
        with secured() as (connection, _):
            context: Any = "none" if what == "context" else contexts()[1]
            transport: Any = connection.transport if what == "context" else "none"
            starting = connection.loop.start_tls(transport, connection.protocol, context)
            with pytest.raises(TypeError, match="start_tls" if what == "transport" else "SSLContext"):
                connection.loop.run_until_complete(starting)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate with its key, and who has issued it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, root = tmp_path / "chain.pem", tmp_path / "root.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(root))
    return chain, root


class TestOpensslsOwn:
    def test_client_talks_to_a_server(self, certificate: tuple[Path, Path]) -> None:
        chain, root = certificate
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(chain)
        loop = loop_of()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1 << 16):
                writer.write(data[::-1])
            writer.close()

        async def main() -> bytes:
            serving = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server)
            port = serving.sockets[0].getsockname()[1]
            child = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(root)),
                *("-servername", "localhost", "-connect", f"127.0.0.1:{port}"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(b"abc")
            answer = await child.stdout.readexactly(3)
            child.stdin.close()
            child.kill()
            await child.wait()
            serving.close()
            await asyncio.sleep(0.02)
            return answer

        assert loop.run_until_complete(asyncio.wait_for(main(), 20)) == b"cba"
        loop.close()

    def test_server_talks_to_a_client(self, certificate: tuple[Path, Path]) -> None:
        chain, root = certificate
        client = ssl.create_default_context(cafile=str(root))
        loop = loop_of()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]

        async def main() -> bytes:
            child = await asyncio.create_subprocess_exec(
                *("openssl", "s_server", "-quiet", "-rev", "-cert", str(chain)),
                *("-key", str(chain), "-accept", f"127.0.0.1:{port}"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                while True:
                    try:
                        reader, writer = await asyncio.open_connection(
                            "127.0.0.1", port, ssl=client, server_hostname="localhost"
                        )
                        break
                    except ConnectionRefusedError:
                        await asyncio.sleep(0.02)
                writer.write(b"abc\n")
                answer = await reader.readline()
                writer.close()
                await writer.wait_closed()
            finally:
                child.kill()
                await child.wait()
            return answer

        assert loop.run_until_complete(asyncio.wait_for(main(), 20)) == b"cba\n"
        loop.close()


@since_311
class TestTheMemory:
    def test_of_an_idle_connection_is_small(self) -> None:
        found = run("tls_memory")
        # Of both ends: asyncio's takes 560.
        assert int(found.stdout.split()[-1]) <= 60, found.stdout
