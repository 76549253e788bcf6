"""TLS is begun over native transports as over asyncio's own: the same programs on both."""

import asyncio
import contextvars
import gc
import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from connecting import HOST, Journal, Noted, Server, both
from connections import open_files
from secured import contexts, server_context

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere"),
    # CPython 3.10 leaves the transports of connections that have ended so.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function _SSLProtocolTransport"),
]


@pytest.fixture(autouse=True)
def _collects() -> Iterator[None]:
    # Those are found here, and not in the next test.
    yield
    gc.collect()


def settled(journal: Journal) -> Journal:
    """Without the order of the two ends, which depends on what the kernel has moved."""
    return sorted(journal, key=str)


async def close(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()


async def try_to_connect(
    loop: asyncio.AbstractEventLoop, journal: Journal, *address: Any, **options: Any
) -> None:
    """Note what connecting raises, or whom it has reached."""
    journal.append("connecting")
    try:
        transport, client = await loop.create_connection(
            lambda: Noted(journal, "client"), *address, **options
        )
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "errno", None)
        journal.append((type(error).__name__, reason, str(error.__context__)))
        return
    version = transport.get_extra_info("ssl_object").version()
    journal.append((version, transport.get_extra_info("peername") == address))
    transport.write(b"question")
    await asyncio.sleep(0.01)
    transport.close()
    await client.lost


class TestAConnection:
    @pytest.mark.parametrize(
        "options", [{}, {"ssl_handshake_timeout": 5}, {"ssl_shutdown_timeout": 5}]
    )
    def test_is_made_and_lost_in_the_same_order(self, options: dict[str, Any]) -> None:
        if "ssl_shutdown_timeout" in options and sys.version_info < (3, 11):
            pytest.skip("new in CPython 3.11")

        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            its, ours = contexts()
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, ssl=its, **options)
            address = server.sockets[0].getsockname()
            await try_to_connect(
                loop, journal, *address, ssl=ours, server_hostname="localhost", **options
            )
            await served.until(1)
            await close(server)
            journal[:] = settled(journal)

        assert ("server 0", "data_received", b"question") in both(program)

    @pytest.mark.parametrize("name", [None, "", HOST, "other"])
    def test_wants_the_certificate_of_this_name(self, name: Any) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            its, ours = contexts()
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, ssl=its)
            address = server.sockets[0].getsockname()
            await try_to_connect(loop, journal, *address, ssl=ours, server_hostname=name)
            await asyncio.sleep(0.05)
            await close(server)
            journal[:] = settled(journal)

        both(program)

    @pytest.mark.parametrize(
        "options",
        [
            {"ssl": False},
            {"ssl": None, "server_hostname": "localhost"},
            {"ssl": True, "ssl_handshake_timeout": 0},
            {"ssl": True, "ssl_handshake_timeout": 0.1, "server_hostname": "localhost"},
            {"ssl_handshake_timeout": 1},
            {"ssl": "no context"},
            {"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "server_hostname": 5},
        ],
    )
    # asyncio leaves the socket to the collector where it cannot make a transport of it.
    @pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket")
    def test_with_odd_options(self, options: dict[str, Any]) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as server:
                before = open_files()
                try:
                    _, client = await loop.create_connection(
                        lambda: Noted(journal, "client"), *server.getsockname(), **options
                    )
                except (OSError, ValueError, TypeError, AttributeError) as error:
                    journal.append((type(error).__name__, str(error).partition("0x")[0]))
                else:
                    client.transport.close()
                    await client.lost
                await asyncio.sleep(0.01)
                assert open_files() == before

        both(program)

    def test_nobody_answers(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as server:
                address = server.getsockname()
            await try_to_connect(loop, journal, *address, ssl=contexts()[1])

        assert both(program)[1][0] == "ConnectionRefusedError"


class TestAServer:
    @pytest.mark.parametrize("first", [b"no handshake at all\r\n\r\n", b"", b"\x16\x03"])
    def test_is_sent_no_handshake(self, first: bytes) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            its, ours = contexts()
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, ssl=its)
            address = server.sockets[0].getsockname()
            before = open_files()
            with socket.create_connection(address) as stranger:
                stranger.setblocking(False)
                await loop.sock_sendall(stranger, first)
                stranger.shutdown(socket.SHUT_WR)
                while await loop.sock_recv(stranger, 1000):
                    pass
            await asyncio.sleep(0.02)
            assert open_files() == before
            await try_to_connect(loop, journal, *address, ssl=ours, server_hostname="localhost")
            await served.ends[1].lost
            await close(server)
            journal[:] = settled(journal)

        both(program)

    def test_ends_a_handshake_that_takes_too_long(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            options: Any = {"ssl_handshake_timeout": 0.05}
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, ssl=contexts()[0], **options)
            with socket.create_connection(server.sockets[0].getsockname()) as stranger:
                stranger.setblocking(False)
                journal.append(await loop.sock_recv(stranger, 1000))
            await close(server)

        assert both(program)[-1] == b""

    def test_whose_tasks_are_cancelled_in_a_handshake(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, ssl=contexts()[0])
            with socket.create_connection(server.sockets[0].getsockname()) as stranger:
                stranger.setblocking(False)
                while len(served.ends) < 1:
                    await asyncio.sleep(0.001)
                tasks = [task for task in asyncio.all_tasks() if "accept" in repr(task.get_coro())]
                journal.append(len(tasks))
                for task in tasks:
                    task.cancel()
                journal.append(await loop.sock_recv(stranger, 1000))
            await close(server)

        assert both(program)[-2:] == [1, b""]

    def test_is_asked_for_an_older_version(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
            served = Server(journal)
            its = server_context(ssl.TLSVersion.TLSv1_2)
            server = await loop.create_server(served, HOST, 0, ssl=its)
            address = server.sockets[0].getsockname()
            await try_to_connect(loop, journal, *address, ssl=ours)
            await served.until(1)
            await close(server)
            journal[:] = settled(journal)

        assert ("TLSv1.2", True) in both(program)

    def test_has_a_context_for_each_connection(self) -> None:
        variable = contextvars.ContextVar("variable", default="of nobody")

        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            class Keeper(Noted):
                def connection_made(self, transport: asyncio.BaseTransport) -> None:
                    super().connection_made(transport)
                    journal.append((self.name, "made", variable.get()))
                    variable.set(f"of {self.name}, made")

                def data_received(self, data: bytes) -> None:
                    super().data_received(data)
                    journal.append((self.name, "reads", variable.get()))

            its, ours = contexts()
            ends: list[Keeper] = []

            def factory() -> Keeper:
                journal.append(("factory", variable.get()))
                variable.set(f"of the factory, {len(ends)}")
                ends.append(Keeper(journal, f"server {len(ends)}"))
                return ends[-1]

            variable.set("of the server")
            server = await loop.create_server(factory, HOST, 0, ssl=its)
            variable.set("of the client")
            address = server.sockets[0].getsockname()
            for number in range(2):
                await try_to_connect(loop, journal, *address, ssl=ours, server_hostname="localhost")
                await ends[number].lost
            await close(server)
            journal[:] = settled(journal)

        both(program)
