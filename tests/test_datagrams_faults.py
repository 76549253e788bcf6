"""Native transports of datagrams where something goes wrong: the kernel, the peer, the protocol."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from endpoints import Endpoint, opened
from programs import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

ORDINARY = [ValueError, OSError, BlockingIOError, asyncio.CancelledError, GeneratorExit]
EXITS = [SystemExit, KeyboardInterrupt]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with opened() as endpoint:
        yield endpoint


def raiser(error: type[BaseException]) -> Callable[..., None]:
    def act(*_: object) -> None:
        raise error("in the protocol")

    return act


class TestThePeer:
    def test_is_gone_when_something_is_sent(self) -> None:
        with opened(way="connected") as endpoint:
            endpoint.peer.close()
            endpoint.transport.sendto(b"to nobody")
            endpoint.until(lambda: endpoint.protocol.errors)
            (error,) = endpoint.protocol.errors
            assert type(error) is ConnectionRefusedError
            assert (error.errno, error.strerror) == (
                errno.ECONNREFUSED,
                os.strerror(errno.ECONNREFUSED),
            )
            assert not endpoint.transport.is_closing()
            assert endpoint.reports == []

    def test_is_known_to_be_gone_by_what_is_sent_next(self) -> None:
        with opened(way="connected") as endpoint:
            endpoint.peer.close()
            endpoint.transport.sendto(b"to nobody")
            # Outside of a turn: nobody has read yet.
            endpoint.transport.sendto(b"to nobody")
            assert [type(error) for error in endpoint.protocol.errors] == [ConnectionRefusedError]
            endpoint.transport.sendto(b"and again")
            endpoint.until(lambda: len(endpoint.protocol.errors) == 2)

    def test_is_of_no_concern_where_others_are_spoken_to(self, endpoint: Endpoint) -> None:
        there = endpoint.there
        endpoint.peer.close()
        endpoint.transport.sendto(b"to nobody", there)
        endpoint.rest()
        assert endpoint.protocol.errors == []


class TestTheKernel:
    def test_refuses_what_is_too_long(self, endpoint: Endpoint) -> None:
        endpoint.transport.sendto(bytes(65_508), endpoint.there)
        (error,) = endpoint.protocol.errors
        assert (type(error), error.errno) == (OSError, errno.EMSGSIZE)
        endpoint.transport.sendto(b"short", endpoint.there)
        assert endpoint.at_peer() == [b"short"]

    @pytest.mark.parametrize("way", ["bound", "connected"])
    def test_says_that_the_socket_was_closed_by_somebody_else(self, way: str) -> None:
        with opened(way=way) as endpoint:
            sock: Any = endpoint.transport._sock
            fd = sock.fileno()
            endpoint.loop._remove_reader(fd)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            sock.close()
            # Its number is another file's now, which must get nothing.
            others = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            assert fd in [other.fileno() for other in others]
            target = endpoint.there if way == "bound" else None
            endpoint.transport.sendto(b"for the first", target)
            endpoint.transport._read_ready()
            errors = [(type(error), error.errno) for error in endpoint.protocol.errors]
            assert errors == [(OSError, errno.EBADF)] * 2
            for other in others:
                other.setblocking(False)
                with pytest.raises(BlockingIOError):
                    other.recv(10)
                other.close()

    @pytest.mark.parametrize("way", ["bound", "connected"])
    @pytest.mark.parametrize("error", ["ENOBUFS", "ENETUNREACH", "EAGAIN"])
    def test_refuses_as_it_does_on_asyncios_own(self, way: str, error: str) -> None:
        ended = run("failing_datagrams", error, way)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")


class TestTheProtocol:
    @pytest.mark.parametrize("error", ORDINARY)
    def test_raises_and_is_told_of_the_next(
        self, endpoint: Endpoint, error: type[BaseException]
    ) -> None:
        endpoint.protocol.acts["datagram_received"] = raiser(error)
        endpoint.send(b"1", b"2", b"3")
        endpoint.until(lambda: len(endpoint.protocol.received) == 3)
        endpoint.rest()
        assert [type(report["exception"]) for report in endpoint.reports] == [error] * 3
        assert not endpoint.transport.is_closing()

    @pytest.mark.parametrize("error", EXITS)
    @pytest.mark.parametrize("method", ["datagram_received", "connection_lost"])
    def test_leaves_the_loop(
        self, endpoint: Endpoint, method: str, error: type[BaseException]
    ) -> None:
        endpoint.protocol.acts[method] = raiser(error)
        endpoint.send(b"1", b"2")
        if method == "connection_lost":
            endpoint.transport.close()
        with pytest.raises(error, match="in the protocol"):
            endpoint.until(lambda: False)
        endpoint.protocol.acts.clear()
        assert endpoint.reports == []
        if method == "datagram_received":
            endpoint.until(lambda: endpoint.protocol.received == [b"1", b"2"])

    @pytest.mark.parametrize("error", [*ORDINARY, *EXITS])
    def test_raises_where_it_is_told_of_an_error(
        self, endpoint: Endpoint, error: type[BaseException]
    ) -> None:
        endpoint.protocol.acts["error_received"] = raiser(error)
        with pytest.raises(error, match="in the protocol") as raised:
            endpoint.transport.sendto(bytes(65_508), endpoint.there)
        context = raised.value.__context__
        assert isinstance(context, OSError)
        assert context.errno == errno.EMSGSIZE
        assert not endpoint.transport.is_closing()

    @pytest.mark.parametrize("ending", ["close", "abort"])
    def test_ends_itself_where_it_is_told_of_an_error(self, ending: str) -> None:
        with opened(way="connected") as endpoint:
            endpoint.peer.close()
            end = getattr(endpoint.transport, ending)
            endpoint.protocol.acts["error_received"] = lambda _: end()
            endpoint.transport.sendto(b"to nobody")
            endpoint.until(lambda: "connection_lost" in endpoint.protocol.names())
            endpoint.rest()
            assert endpoint.protocol.names()[1:] == ["error_received", "connection_lost"]
            assert endpoint.protocol.events[-1] == ("connection_lost", None)

    def test_has_no_such_method(self, endpoint: Endpoint) -> None:
        endpoint.transport.set_protocol(asyncio.BaseProtocol())
        endpoint.send(b"data")
        endpoint.until(lambda: endpoint.reports)
        (report,) = endpoint.reports
        assert type(report["exception"]) is AttributeError
        with pytest.raises(AttributeError, match="error_received"):
            endpoint.transport.sendto(bytes(65_508), endpoint.there)

    def test_is_none_and_that_is_said_of_each(self, endpoint: Endpoint) -> None:
        endpoint.transport.set_protocol(None)
        endpoint.send(b"1", b"2")
        endpoint.until(lambda: len(endpoint.reports) == 2)
        assert [type(report["exception"]) for report in endpoint.reports] == [AttributeError] * 2
        with pytest.raises(AttributeError, match="error_received"):
            endpoint.transport.sendto(bytes(65_508), endpoint.there)
        endpoint.transport.set_protocol(endpoint.protocol)
        assert not endpoint.transport.is_closing()


class TestAFork:
    def test_in_the_middle_leaves_the_rest_to_the_parent(self) -> None:
        ended = run("forking_datagrams")
        assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")
