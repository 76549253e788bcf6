"""Native transports connect and accept as asyncio's own do: the same programs on both."""

import asyncio
import contextvars
import errno
import gc
import os
import resource
import socket
import struct
import sys
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from connecting import HOST, Journal, Noted, Server, both, on
from connections import open_files
from endpoints import native_loop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")


class TestAConnection:
    def test_is_made_and_lost_in_the_same_order(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0)
            address = server.sockets[0].getsockname()
            transport, client = await loop.create_connection(
                lambda: Noted(journal, "client"), *address
            )
            journal.append("connected")
            transport.write(b"question")
            await asyncio.sleep(0.01)
            transport.close()
            await client.lost
            await served.until(1)
            server.close()
            await server.wait_closed()

        journal = both(program)
        assert [entry for entry in journal if entry[0] == "client"] == [
            ("client", "made by the factory"),
            ("client", "connection_made"),
            ("client", "connection_lost", "NoneType"),
        ]

    def test_is_one_of_many_at_once(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, backlog=7)
            address = server.sockets[0].getsockname()
            names = [f"client {number}" for number in range(20)]
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda name=name: Noted(journal, name), *address)
                    for name in names
                )
            )
            for transport, _ in made:
                transport.close()
            await asyncio.gather(*(client.lost for _, client in made))
            await served.until(20)
            server.close()
            await server.wait_closed()

        # In which order the kernel tells of the clients and of the server is its own.
        standard = on(asyncio.SelectorEventLoop(), program)
        ours = on(native_loop(), program)
        for name in {entry[0] for entry in standard}:
            assert [e for e in ours if e[0] == name] == [e for e in standard if e[0] == name]

    @pytest.mark.parametrize("host", [HOST, "::1"])
    def test_knows_its_addresses(self, host: str) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, host, 0)
            address = server.sockets[0].getsockname()
            transport, client = await loop.create_connection(
                lambda: Noted(journal, "client"), host, address[1]
            )
            while not served.ends or served.ends[0].transport is None:
                await asyncio.sleep(0.001)
            accepted = served.ends[0].transport
            for one, other in ((transport, accepted), (accepted, transport)):
                own, peer = one.get_extra_info("sockname"), one.get_extra_info("peername")
                sock = one.get_extra_info("socket")
                assert own == sock.getsockname() == other.get_extra_info("peername")
                assert peer == sock.getpeername()
                journal.append((type(own), len(own), own[0], own[2:], type(sock).__name__))
                journal.append((sock.family, sock.type, sock.proto, sock.gettimeout()))
                journal.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                journal.append(one.get_write_buffer_limits())
                journal.append(
                    (one.is_reading(), one.is_closing(), os.get_inheritable(sock.fileno()))
                )
            transport.close()
            await client.lost
            await served.until(1)
            server.close()

        both(program)

    @pytest.mark.parametrize("client_path", [None, "named", "abstract"])
    def test_comes_in_on_a_unix_socket(self, client_path: str | None, tmp_path: Any) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            path = str(tmp_path / "server")
            served = Server(journal)
            server = await loop.create_unix_server(served, path)
            with socket.socket(socket.AF_UNIX) as peer:
                if client_path == "named":
                    peer.bind(str(tmp_path / "client"))
                if client_path == "abstract":
                    peer.bind(b"\0sideloop-test-connecting")
                peer.connect(path)
                await asyncio.sleep(0.01)
                extra = served.ends[0].transport.get_extra_info
                journal.append((extra("peername"), extra("sockname")))
            await served.until(1)
            server.close()
            await server.wait_closed()
            # CPython 3.13 does that itself.
            Path(path).unlink(missing_ok=True)
            if client_path == "named":
                (tmp_path / "client").unlink()

        both(program)

    def test_has_a_context_of_its_own(self) -> None:
        variable = contextvars.ContextVar("variable", default="of nobody")

        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            class Keeper(Noted):
                def connection_made(self, transport: asyncio.BaseTransport) -> None:
                    super().connection_made(transport)
                    journal.append((self.name, variable.get()))
                    variable.set(f"of {self.name}, made")

                def data_received(self, data: bytes) -> None:
                    journal.append((self.name, variable.get(), data))
                    variable.set(f"of {self.name}, that reads")

                def connection_lost(self, exc: Exception | None) -> None:
                    journal.append((self.name, variable.get()))
                    super().connection_lost(exc)

            ends: list[Keeper] = []

            def factory() -> Keeper:
                journal.append(variable.get())
                variable.set(f"of the factory, {len(ends)}")
                ends.append(Keeper(journal, f"server {len(ends)}"))
                return ends[-1]

            variable.set("of the server")
            server = await loop.create_server(factory, HOST, 0)
            variable.set("of the client")
            address = server.sockets[0].getsockname()
            for _ in range(2):
                transport, client = await loop.create_connection(
                    lambda: Keeper(journal, "client"), *address
                )
                transport.write(b"1")
                await asyncio.sleep(0.01)
                transport.write(b"2")
                await asyncio.sleep(0.01)
                transport.close()
                await client.lost
                await ends[-1].lost
            server.close()

        both(program)


class TestAnError:
    @pytest.mark.parametrize("where", ["the factory", "connection_made"])
    @pytest.mark.parametrize("side", ["server", "client"])
    def test_in_the_users_code(self, where: str, side: str) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            def factory(name: str) -> Noted:
                if where == "the factory" and name == side:
                    raise ValueError("in the factory")
                protocol = Noted(journal, name)
                if where == "connection_made" and name == side:

                    def fail(_: object) -> None:
                        raise ValueError("in connection_made")

                    protocol.connection_made = fail  # type: ignore[method-assign]
                return protocol

            server = await loop.create_server(lambda: factory("server"), HOST, 0)
            address = server.sockets[0].getsockname()
            try:
                transport, client = await loop.create_connection(
                    lambda: factory("client"), *address
                )
            except ValueError as error:
                journal.append(repr(error))
            else:
                await asyncio.sleep(0.01)
                transport.close()
                await client.lost
            await asyncio.sleep(0.01)
            server.close()

        with warnings.catch_warnings(), mock.patch("sys.unraisablehook"):
            warnings.simplefilter("ignore")
            both(program)

    @pytest.mark.parametrize("host", [HOST, "::1"])
    def test_of_a_port_where_nobody_listens(self, host: str) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as unheard:
                unheard.bind((host, 0))
                port = unheard.getsockname()[1]
                try:
                    await loop.create_connection(lambda: Noted(journal, "client"), host, port)
                except OSError as error:
                    text = str(error).replace(str(port), "PORT")
                    journal.append((type(error).__name__, error.errno, text, error.__context__))

        ((name, code, _, _),) = both(program)
        assert (name, code) == ("ConnectionRefusedError", errno.ECONNREFUSED)

    def test_of_an_address_that_cannot_be_reached(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            try:
                # TCP has none of those.
                await loop.create_connection(lambda: Noted(journal, "client"), "255.255.255.255", 9)
            except OSError as error:
                journal.append((type(error).__name__, error.errno, error.args))

        assert len(both(program)) == 1

    def test_of_a_port_that_is_none(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            for port in (65_536, -1, "none", 1.5, b"9", None):
                try:
                    await loop.create_connection(lambda: Noted(journal, "client"), HOST, port)  # type: ignore[arg-type]
                except Exception as error:
                    journal.append((port, type(error).__name__, str(error)))

        both(program)

    def test_of_a_peer_that_resets_before_it_is_accepted(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0)
            with socket.create_connection(server.sockets[0].getsockname()) as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await served.until(1)
            server.close()

        both(program)

    def test_of_a_peer_that_resets_at_once(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as server:
                connecting = loop.create_task(
                    loop.create_connection(lambda: Noted(journal, "client"), *server.getsockname())
                )
                await asyncio.sleep(0)
                peer, _ = server.accept()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
                try:
                    _, client = await connecting
                except OSError as error:
                    journal.append((type(error).__name__, error.errno))
                else:
                    await client.lost

        both(program)

    def test_of_a_server_that_no_longer_listens(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as listener:
                server = await loop.create_server(Server(journal), sock=listener)
                listener.shutdown(socket.SHUT_RDWR)
                while not journal:
                    await asyncio.sleep(0.001)
                server.close()
                del journal[1:]

        ((_, name, _, _),) = both(program)
        assert name == "OSError"

    def test_of_too_many_files(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0, backlog=3)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            with socket.socket() as peer:
                highest = max(open_files())
                held = [os.open("/dev/null", os.O_RDONLY) for _ in range(highest)]
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, limits[1]))
                try:
                    peer.connect(server.sockets[0].getsockname())
                    while not journal:
                        await asyncio.sleep(0.001)
                    await asyncio.sleep(0.02)
                    journal.append("the peer waits")
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                    for fd in held:
                        os.close(fd)
                while not served.ends:
                    await asyncio.sleep(0.001)
            await served.until(1)
            server.close()

        with mock.patch("asyncio.constants.ACCEPT_RETRY_DELAY", 0.2):
            journal = both(program)
        report = ("report", "OSError", f"[Errno {errno.EMFILE}] Too many open files")
        assert journal[0][:3] == report
        assert "socket" in journal[0][3]

    def test_of_a_client_with_too_many_files(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            highest = max(open_files())
            held = [os.open("/dev/null", os.O_RDONLY) for _ in range(highest)]
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, limits[1]))
            try:
                await loop.create_connection(lambda: Noted(journal, "client"), HOST, 9)
            except OSError as error:
                journal.append((type(error).__name__, error.errno, str(error)))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                for fd in held:
                    os.close(fd)

        both(program)

    def test_of_a_descriptor_that_a_transport_has(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as server:
                address = server.getsockname()
                transport, _ = await loop.create_connection(
                    lambda: Noted(journal, "first"), *address
                )
                sock: Any = transport.get_extra_info("socket")._sock
                loop._remove_reader(sock.fileno())  # type: ignore[attr-defined]
                sock.close()
                try:
                    await loop.create_connection(lambda: Noted(journal, "second"), *address)
                except RuntimeError as error:
                    journal.append(str(error).split("<")[0].split("descriptor")[0])
                transport.abort()

        assert both(program)[-2:] != []


class TestCancelling:
    @pytest.mark.parametrize("turns", range(8))
    def test_while_it_connects(self, turns: int) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0)) as server:
                before = open_files()
                lost: list[Noted] = []

                def factory() -> Noted:
                    lost.append(Noted(journal, "client"))
                    return lost[-1]

                connecting = loop.create_task(
                    loop.create_connection(factory, *server.getsockname())
                )
                for _ in range(turns):
                    await asyncio.sleep(0)
                connecting.cancel()
                try:
                    transport, _ = await connecting
                except asyncio.CancelledError:
                    journal.append("cancelled")
                else:
                    transport.close()
                for protocol in lost:
                    await protocol.lost
                await asyncio.sleep(0.01)
                assert open_files() == before

        made = [("client", "made by the factory"), ("client", "connection_made")]
        lost = [*made, ("client", "connection_lost", "NoneType")]
        # In which of its steps it is cancelled depends on when the kernel has connected it.
        for loop in (asyncio.SelectorEventLoop(), native_loop()):
            assert on(loop, program) in (["cancelled"], [*lost, "cancelled"], lost)

    def test_while_nobody_answers(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            with socket.create_server((HOST, 0), backlog=0) as server:
                address = server.getsockname()
                fillers = [socket.socket() for _ in range(4)]
                for filler in fillers:
                    filler.setblocking(False)
                    filler.connect_ex(address)
                await asyncio.sleep(0.01)
                before = open_files()
                try:
                    await asyncio.wait_for(
                        loop.create_connection(lambda: Noted(journal, "client"), *address), 0.05
                    )
                except asyncio.TimeoutError:
                    journal.append("timed out")
                assert open_files() == before
                for filler in fillers:
                    filler.close()

        assert both(program) == ["timed out"]

    def test_a_server_while_a_connection_is_on_its_way(self) -> None:
        async def program(loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
            served = Server(journal)
            server = await loop.create_server(served, HOST, 0)
            with socket.create_connection(server.sockets[0].getsockname()) as peer:
                listening = server.sockets[0].fileno()
                handle: Any = loop._selector.get_key(listening).data[0]  # type: ignore[attr-defined]
                # In the turn in which it is accepted, behind that.
                loop.call_soon(handle._callback, *handle._args)
                loop.call_soon(server.close)
                await asyncio.sleep(0.01)
                # asyncio's own is in a circle with its error.
                gc.collect()
                peer.settimeout(1)
                journal.append(peer.recv(1))

        with warnings.catch_warnings(), mock.patch("sys.unraisablehook"):
            warnings.simplefilter("ignore")
            both(program)
