"""Native transports: connections that come in or go out, and where that is left to asyncio."""

import asyncio
import gc
import socket
import sys
from asyncio.trsock import TransportSocket
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from connections import Recorder, open_files
from endpoints import closing_native_loop, native_loop

import sideloop
from sideloop._sideloop import start_connecting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

HOST = "127.0.0.1"


@pytest.fixture
def loop() -> Iterator[Any]:
    with closing_native_loop() as loop:
        yield loop


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def ask(loop: asyncio.AbstractEventLoop, factory: Any = Echo) -> tuple[Any, Any, Any]:
    """One question to a server, and its answer. Returns the transport, and what it has received."""
    server = await loop.create_server(factory, HOST, 0)
    address = server.sockets[0].getsockname()
    answer: asyncio.Future[bytes] = loop.create_future()
    client = Recorder()
    client.acts["data_received"] = answer.set_result
    transport, _ = await loop.create_connection(lambda: client, *address)
    transport.write(b"question")
    received = await answer
    transport.close()
    server.close()
    await asyncio.sleep(0.01)
    return transport, received, client.names()


class TestAConnection:
    def test_is_one_of_ours_on_both_sides(self, loop: Any) -> None:
        made: list[Any] = []

        class Kept(Echo):
            def connection_made(self, transport: Any) -> None:
                made.append(transport)
                super().connection_made(transport)

        transport, received, _ = loop.run_until_complete(ask(loop, Kept))
        assert received == b"question"
        assert [type(one).__name__ for one in (transport, *made)] == ["StreamTransport"] * 2

    def test_needs_no_tasks(self, loop: Any) -> None:
        seen: list[Any] = []

        def factory() -> Echo:
            seen.append(asyncio.current_task())
            return Echo()

        loop.run_until_complete(ask(loop, factory))
        assert seen == [None]

    @pytest.mark.parametrize("backlog", [-1, 0, 1])
    def test_comes_in_with_any_backlog(self, loop: Any, backlog: int) -> None:
        async def connect() -> None:
            server = await loop.create_server(Echo, HOST, 0, backlog=backlog)
            with socket.create_connection(server.sockets[0].getsockname()) as peer:
                peer.setblocking(False)
                await loop.sock_sendall(peer, b"1")
                assert await loop.sock_recv(peer, 1) == b"1"
            await asyncio.sleep(0.01)
            server.close()

        loop.run_until_complete(asyncio.wait_for(connect(), 20))

    def test_comes_in_in_a_crowd_and_alone(self, loop: Any) -> None:
        made: list[Any] = []

        class Kept(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                made.append(transport)

        async def connect() -> None:
            server = await loop.create_server(Kept, HOST, 0)
            address = server.sockets[0].getsockname()
            for number in (1, 40, 1, 1, 1, 90, 1, 2, 3):
                made.clear()
                # The kernel has them all before the loop looks.
                peers = [socket.create_connection(address) for _ in range(number)]
                while len(made) < number:
                    await asyncio.sleep(0.001)
                names = {transport.get_extra_info("peername") for transport in made}
                assert names == {peer.getsockname() for peer in peers}
                for end in (*made, *peers):
                    end.close()
                await asyncio.sleep(0.01)
            server.close()

        loop.run_until_complete(asyncio.wait_for(connect(), 20))

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, native_loop])
    def test_leaves_the_files_of_its_socket_open(self, make: Callable[[], Any]) -> None:
        async def connect() -> None:
            loop = asyncio.get_running_loop()
            near, far = socket.socketpair()
            lost = Recorder()
            transport, _ = await loop.create_connection(lambda: lost, sock=near)
            shown = transport.get_extra_info("socket")
            assert type(shown) is TransportSocket
            assert shown.fileno() == near.fileno()
            file = near.makefile("rb")
            far.sendall(b"line\n")
            transport.pause_reading()
            transport.close()
            await asyncio.sleep(0.01)
            assert "connection_lost" in lost.names()
            assert near.fileno() != -1
            file.close()
            assert near.fileno() == -1
            far.close()

        loop = make()
        loop.run_until_complete(connect())
        loop.close()

    def test_may_be_made_by_name(self, loop: Any) -> None:
        async def by_name() -> None:
            with socket.create_server((HOST, 0)) as server:
                host, port = server.getsockname()
                transport, _ = await loop.create_connection(
                    protocol_factory=Recorder, port=port, host=host
                )
                transport.abort()
                await asyncio.sleep(0)

        loop.run_until_complete(by_name())

    @pytest.mark.skipif(
        sys.version_info >= (3, 15),
        reason="what a transport calls runs in one context, which nobody enters twice",
    )
    def test_begins_to_read_where_connection_made_turns_the_loop(self, loop: Any) -> None:
        from sideloop._loops.event_loop import run_nested

        async def nested() -> bytes:
            with socket.create_server((HOST, 0)) as server:
                heard: asyncio.Future[bytes] = loop.create_future()
                protocol = Recorder()
                protocol.acts["data_received"] = heard.set_result

                def made() -> None:
                    peer, _ = server.accept()
                    with peer:
                        peer.sendall(b"early")
                        run_nested(loop, heard)

                protocol.acts["connection_made"] = made
                transport, _ = await loop.create_connection(lambda: protocol, *server.getsockname())
                received = await heard
                transport.abort()
                await asyncio.sleep(0)
                return received

        assert loop.run_until_complete(nested()) == b"early"

    @pytest.mark.parametrize("pauses", ["pause_reading", "close", "abort"])
    def test_does_not_begin_to_read_where_connection_made_ends_that(
        self, loop: Any, pauses: str
    ) -> None:
        async def connect() -> list[str]:
            with socket.create_server((HOST, 0)) as server:

                class Ends(Recorder):
                    def connection_made(self, transport: Any) -> None:
                        super().connection_made(transport)
                        getattr(transport, pauses)()

                transport, client = await loop.create_connection(Ends, *server.getsockname())
                peer, _ = server.accept()
                with peer:
                    peer.sendall(b"unheard")
                    await asyncio.sleep(0.01)
                transport.abort()
                await asyncio.sleep(0.01)
                names: list[str] = client.names()
                return names

        assert loop.run_until_complete(connect()) == ["connection_made", "connection_lost"]

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_that_is_interrupted_in_connection_made_is_read_later_on(
        self, loop: Any, error: type[BaseException]
    ) -> None:
        protocol = Recorder()

        def leave() -> None:
            raise error

        protocol.acts["connection_made"] = leave
        with socket.create_server((HOST, 0)) as server:
            connecting = loop.create_task(
                loop.create_connection(lambda: protocol, *server.getsockname())
            )
            with pytest.raises(error):
                loop.run_until_complete(connecting)
            transport, _ = loop.run_until_complete(connecting)
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"heard")
                loop.run_until_complete(asyncio.sleep(0.01))
            transport.abort()
            loop.run_until_complete(asyncio.sleep(0))
        assert protocol.received == b"heard"


class TestWhatSomebodyHasReplaced:
    @pytest.mark.parametrize(
        "name",
        [
            "_make_socket_transport",
            "_connect_sock",
            "sock_connect",
            "_create_connection_transport",
            "_ensure_resolved",
            "_accept_connection",
            "_accept_connection2",
        ],
    )
    @pytest.mark.parametrize("where", ["the loop", "its class"])
    def test_of_the_loops_methods_is_called(self, loop: Any, name: str, where: str) -> None:
        called: list[str] = []
        original = getattr(sideloop.EventLoop, name)

        def spy(*args: Any, **options: Any) -> Any:
            called.append(name)
            return original(*((loop, *args) if where == "the loop" else args), **options)

        target = loop if where == "the loop" else sideloop.EventLoop
        with mock.patch.object(target, name, spy):
            loop.run_until_complete(ask(loop))
        assert set(called) == {name}
        count = len(called)
        loop.run_until_complete(ask(loop))
        assert len(called) == count

    @pytest.mark.parametrize(
        "name",
        ["accept", "connect", "connect_ex", "setblocking", "fileno", "close", "_real_close"],
    )
    def test_of_sockets_is_called_where_asyncio_would(self, loop: Any, name: str) -> None:
        def count(on: Any) -> int:
            original = getattr(socket.socket, name)
            called: list[int] = []

            def spy(self: socket.socket, *args: Any) -> Any:
                called.append(1)
                return original(self, *args)

            with mock.patch.object(socket.socket, name, spy, create=True):
                on.run_until_complete(ask(on))
            return len(called)

        standard = asyncio.SelectorEventLoop()
        standard.set_debug(False)
        expected = count(standard)
        standard.close()
        ours = count(loop)
        # Native transports ask for the descriptor more often than asyncio's.
        assert ours >= expected if name == "fileno" else ours == expected

    def test_the_class_of_sockets_is_used(self, loop: Any) -> None:
        made: list[Any] = []

        class Socket(socket.socket):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                made.append(self)

        with mock.patch("socket.socket", Socket):
            _, received, _ = loop.run_until_complete(ask(loop))
        assert received == b"question"
        # The server's, the client's and that of what has come in.
        assert len(made) == 3

    @pytest.mark.parametrize("what", ["constructor", "class"])
    def test_of_what_a_transport_shows_of_its_socket_is_used(self, loop: Any, what: str) -> None:
        made: list[Any] = []
        constructor = TransportSocket.__init__

        def spy(self: Any, sock: socket.socket) -> None:
            made.append(self)
            constructor(self, sock)

        class Own(TransportSocket):
            __init__ = spy

        ways = {
            "constructor": mock.patch.object(TransportSocket, "__init__", spy),
            "class": mock.patch("asyncio.trsock.TransportSocket", Own),
        }
        with ways[what]:
            transport, received, _ = loop.run_until_complete(ask(loop))
        assert received == b"question"
        assert transport.get_extra_info("socket") in made
        # The listening socket may be shown, too, which others have made.
        assert len(made) >= 2

    def test_a_task_factory_sees_a_task_for_each_that_comes_in(self, loop: Any) -> None:
        names: list[str] = []

        def make(loop: Any, coro: Any, **options: Any) -> Any:
            names.append(coro.__qualname__)
            return asyncio.Task(coro, loop=loop, **options)

        loop.set_task_factory(make)
        loop.run_until_complete(ask(loop))
        assert [name for name in names if "_accept_connection2" in name] != []

    def test_debug_mode_has_asyncios_own(self, loop: Any) -> None:
        loop.set_debug(True)
        transport, received, _ = loop.run_until_complete(ask(loop))
        assert received == b"question"
        assert type(transport).__name__ == "_SelectorSocketTransport"

    def test_debug_mode_that_begins_later_has_asyncios_own(self, loop: Any) -> None:
        async def later() -> list[str]:
            made: list[str] = []

            class Kept(Recorder):
                def connection_made(self, transport: Any) -> None:
                    made.append(type(transport).__name__)
                    transport.abort()

            server = await loop.create_server(Kept, HOST, 0)
            for debug in (False, True):
                loop.set_debug(debug)
                with socket.create_connection(server.sockets[0].getsockname()):
                    await asyncio.sleep(0.01)
            server.close()
            return made

        made = loop.run_until_complete(later())
        assert made == ["StreamTransport", "_SelectorSocketTransport"]


def transports() -> set[Any]:
    """All there are: one that a test's class holds lives for ever where that is immortal."""
    return {one for one in gc.get_objects() if type(one).__name__ == "StreamTransport"}


class TestTenThousand:
    @pytest.mark.parametrize("ends", ["the client", "the server"])
    def test_connections_leave_nothing_behind(self, loop: Any, ends: str) -> None:
        lost = 0

        class End(asyncio.Protocol):
            closes: bool

            def connection_made(self, transport: Any) -> None:
                if self.closes:
                    transport.close()

            def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
                nonlocal lost
                lost += 1
                if lost % 2 == 0:
                    both.set()

        class Client(End):
            closes = ends == "the client"

        class Served(End):
            closes = ends == "the server"

        both = asyncio.Event()

        async def connect(count: int) -> None:
            server = await loop.create_server(Served, HOST, 0)
            address = server.sockets[0].getsockname()
            for _ in range(count):
                both.clear()
                await loop.create_connection(Client, *address)
                await both.wait()
            server.close()
            await server.wait_closed()

        before = transports()
        loop.run_until_complete(connect(500))
        gc.collect()
        files, blocks = open_files(), sys.getallocatedblocks()
        loop.run_until_complete(connect(10_000))
        gc.collect()
        assert open_files() == files
        assert sys.getallocatedblocks() - blocks < 1000
        assert lost == 2 * 10_500
        assert transports() <= before

    def test_are_dropped_without_the_collector(self, loop: Any) -> None:
        before = transports()
        gc.disable()
        try:
            loop.run_until_complete(ask(loop))
            after = transports()
        finally:
            gc.enable()
        assert after <= before


class TestAuditHooks:
    def test_hear_what_asyncio_has_them_hear(self) -> None:
        heard: list[tuple[str, Any]] = []
        listening = False

        def hear(event: str, args: tuple[Any, ...]) -> None:
            if listening and event.startswith("socket."):
                # Sockets that are made not to block say so in their kind.
                numbers = [n & ~socket.SOCK_NONBLOCK for n in args[1:] if isinstance(n, int)]
                heard.append((event, numbers))

        def hears(loop: Any) -> list[tuple[str, Any]]:
            nonlocal listening
            heard.clear()
            listening = True
            try:
                loop.run_until_complete(ask(loop))
            finally:
                listening = False
                loop.close()
            return list(heard)

        sys.addaudithook(hear)
        standard = asyncio.SelectorEventLoop()
        standard.set_debug(False)
        assert hears(native_loop()) == hears(standard)

    def test_that_refuse_leave_no_socket_behind(self, loop: Any) -> None:
        refuses: Callable[[str], bool] = lambda _: False  # noqa: E731  # replaced below

        def hear(event: str, _: tuple[Any, ...]) -> None:
            if refuses(event):
                raise PermissionError(event)

        sys.addaudithook(hear)
        before = open_files()
        with socket.create_server((HOST, 0)) as server:
            for event in ("socket.__new__", "socket.connect"):
                refuses = lambda heard, event=event: heard == event  # noqa: E731  # see above
                try:
                    with pytest.raises(PermissionError, match=event):
                        loop.run_until_complete(
                            loop.create_connection(Recorder, *server.getsockname())
                        )
                finally:
                    refuses = lambda _: False  # noqa: E731  # see above
        assert open_files() == before

    @pytest.mark.parametrize("answers", [True, False])
    def test_that_nobody_came_to_await_leave_nothing(self, loop: Any, answers: bool) -> None:
        reports: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        server = socket.create_server((HOST, 0))
        address = server.getsockname()
        if not answers:
            server.close()
        before = open_files()

        async def begin() -> None:
            # As where a signal handler raises before what comes of it is awaited.
            assert start_connecting(loop, *address) is not None

        loop.run_until_complete(begin())
        loop.run_until_complete(asyncio.sleep(0.01))
        gc.collect()
        assert open_files() == before
        assert reports == []
        server.close()
