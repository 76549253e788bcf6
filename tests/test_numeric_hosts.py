"""A loop with native transports looks up a host that is a number without a thread."""

import asyncio
import itertools
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from endpoints import closing_native_loop

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

HOSTS = [
    *("127.0.0.1", "0.0.0.0", "255.255.255.255"),
    *("::1", "::", "::ffff:1.2.3.4", "2001:db8::1", "2001:0DB8:0::01"),
]
PORTS = [0, 80, 65_535, 65_536, -1, None]
FAMILIES = [socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6]
KINDS = [
    (0, 0),
    (socket.SOCK_STREAM, 0),
    (1, socket.IPPROTO_TCP),
    (socket.SOCK_STREAM, socket.IPPROTO_UDP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
]
FLAGS = [0, socket.AI_PASSIVE, socket.AI_CANONNAME, socket.AI_NUMERICHOST, socket.AI_V4MAPPED]

NAMES: list[Any] = [
    ("localhost", 80),
    ("127.0.0.1", "http"),
    ("127.1", 80),
    ("1", 80),
    ("fe80::1%lo", 80),
    ("127.0.0.1\0", 80),
    ("", 80),
    (None, 80),
    (b"127.0.0.1", 80),
    ("127.0.0.1", True),
    ("1.2.3.٤", 80),
]


@pytest.fixture
def loop() -> Iterator[Any]:
    with closing_native_loop() as loop:
        yield loop


def answer(look_up: Callable[[], Any]) -> Any:
    try:
        return look_up()
    except Exception as error:
        return type(error), error.args


class TestANumericHost:
    @pytest.mark.parametrize("host", HOSTS)
    def test_is_answered_as_by_socket(self, loop: Any, host: str) -> None:
        for port, family, (kind, proto), flags in itertools.product(PORTS, FAMILIES, KINDS, FLAGS):
            options: Any = {"family": family, "type": kind, "proto": proto, "flags": flags}
            ours = answer(
                lambda port=port, options=options: loop.run_until_complete(
                    loop.getaddrinfo(host, port, **options)
                )
            )
            theirs = answer(
                lambda port=port, options=options: socket.getaddrinfo(host, port, **options)
            )
            # Also the kinds of all: members of enumerations.
            assert (ours, repr(ours)) == (theirs, repr(theirs))
        assert loop._default_executor is None, "a thread was asked"

    @pytest.mark.parametrize("host", HOSTS)
    def test_is_seen_by_audit_hooks(self, loop: Any, host: str) -> None:
        told: list[tuple[Any, ...]] = []

        def hear(event: str, args: tuple[Any, ...]) -> None:
            if event == "socket.getaddrinfo" and hearing:
                told.append(args)

        hearing = True
        sys.addaudithook(hear)
        kind = socket.SOCK_STREAM
        loop.run_until_complete(loop.getaddrinfo(host, 80, type=kind))
        socket.getaddrinfo(host, 80, type=kind)
        hearing = False
        ours, theirs = told
        assert ours == theirs == (host, 80, 0, kind, 0)

    def test_has_no_port_beyond_all_numbers(self, loop: Any) -> None:
        ours = answer(lambda: loop.run_until_complete(loop.getaddrinfo("::1", 1 << 70)))
        assert ours == answer(lambda: socket.getaddrinfo("::1", 1 << 70))

    def test_is_answered_by_what_is_in_its_place(self, loop: Any) -> None:
        with mock.patch("socket.getaddrinfo", return_value=["mine"]) as replaced:
            assert loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80)) == ["mine"]
        replaced.assert_called_once_with("127.0.0.1", 80, family=0, type=0, proto=0, flags=0)

    def test_goes_to_an_executor_of_a_subclass(self) -> None:
        asked: list[object] = []

        class Loop(sideloop.EventLoop):
            def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
                asked.append(func)
                return super().run_in_executor(executor, func, *args)

        loop = Loop(transports="native")
        loop.set_debug(False)
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
        assert asked == [socket.getaddrinfo]
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def test_goes_to_an_executor_where_one_loop_has_its_own_way_there(self, loop: Any) -> None:
        done = loop.create_future()
        done.set_result("asked")
        with mock.patch.object(loop, "run_in_executor", return_value=done):
            assert loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80)) == "asked"

    def test_connects_and_serves(self, loop: Any) -> None:
        async def main() -> bytes:
            async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"served")
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            data = await reader.read()
            writer.close()
            server.close()
            await server.wait_closed()
            return data

        assert loop.run_until_complete(main()) == b"served"
        assert loop._default_executor is None


class TestAnyOther:
    @pytest.mark.parametrize(("host", "port"), NAMES)
    def test_goes_to_an_executor(self, loop: Any, host: Any, port: Any) -> None:
        ours = answer(lambda: loop.run_until_complete(loop.getaddrinfo(host, port)))
        assert loop._default_executor is not None
        assert ours == answer(lambda: socket.getaddrinfo(host, port))

    def test_goes_there_in_debug_mode(self) -> None:
        loop = sideloop.EventLoop(transports="native")
        loop.set_debug(True)
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
        assert loop._default_executor is not None
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def test_goes_there_with_transports_of_asyncio(self) -> None:
        loop = sideloop.EventLoop(transports="asyncio")
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
        assert loop._default_executor is not None
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def test_takes_no_options_of_other_names(self, loop: Any) -> None:
        with pytest.raises(TypeError, match="protocol"):
            loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80, protocol=0))
