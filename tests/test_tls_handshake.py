"""TLS over native transports begins as on asyncio's own, and with OpenSSL's own programs."""

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from connections import Recorder, noting, pair
from secured import contexts, loop_of, secured, server_context, since_311

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere"),
]


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
                    lambda: told,
                    sock=ours,
                    ssl=contexts()[1],
                    server_hostname="localhost",
                    **options,
                )
            )
            await asyncio.sleep(0.01)
            serve(theirs)
            await connecting

        try:
            with pytest.raises(OSError) as raised:  # noqa: PT011  # which, the caller compares
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
            lambda sock: (
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" + bytes(4)),
                sock.close(),
            ),
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
        server, client = contexts.__wrapped__()
        server.set_alpn_protocols(["h2", "http/1.1"])
        client.set_alpn_protocols(["http/1.1"])
        names: list[Any] = []
        server.sni_callback = lambda _object, name, _context: names.append(name)
        found = []
        for transports in ("native", "asyncio"):
            with secured(transports=transports, given=(server, client)) as (connection, _):
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
        with secured(given=(server, client)) as (connection, peer):
            peer.send(b"hello")
            connection.do(lambda: connection.transport.write(b"hello"))
            peer.turn()
            assert (connection.protocol.received, peer.received) == (b"hello", b"hello")


class TestStartTls:
    @since_311
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
        kinds = ["StreamTransport", "SSLTransport", "SSLTransport"]
        assert found == [(b"line %d\n" % place, name) for place, name in enumerate(kinds)]

    @pytest.mark.parametrize("how", ["close", "garbage", "abort"])
    def test_that_does_not_come_about_ends_as_asyncios_does(self, how: str) -> None:
        found: list[Any] = []
        for transports in ("native", "asyncio"):
            loop = loop_of(transports)
            reports: list[dict[str, Any]] = []
            loop.set_exception_handler(noting(reports))
            ours, theirs = pair("unix")
            told = Recorder()

            async def main(
                loop: asyncio.AbstractEventLoop = loop,
                ours: socket.socket = ours,
                theirs: socket.socket = theirs,
                told: Recorder = told,
            ) -> None:
                transport, _ = await loop.create_connection(lambda: told, sock=ours)
                starting = asyncio.ensure_future(
                    loop.start_tls(transport, told, contexts()[1], server_hostname="localhost")
                )
                await asyncio.sleep(0.01)
                if how == "close":
                    theirs.close()
                elif how == "garbage":
                    theirs.send(bytes(20))
                else:
                    transport.abort()
                done, _ = await asyncio.wait([starting], timeout=0.1)
                found.append([type(one.exception()) for one in done])
                starting.cancel()
                await asyncio.sleep(0.01)

            loop.run_until_complete(main())
            theirs.close()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()
            found.append([told.names(), [(one["message"], one["handled"]) for one in reports]])
        assert found[:2] == found[2:]

    @pytest.mark.parametrize("what", ["context", "transport"])
    def test_refuses_what_asyncios_refuses(self, what: str) -> None:
        with secured() as (connection, _):
            context: Any = "none" if what == "context" else contexts()[1]
            transport: Any = connection.transport if what == "context" else "none"
            starting = connection.loop.start_tls(transport, connection.protocol, context)
            with pytest.raises(
                TypeError, match="start_tls" if what == "transport" else "SSLContext"
            ):
                connection.loop.run_until_complete(starting)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate with its key, and who has issued it."""
    authority = Authority()
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
