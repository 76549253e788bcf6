"""Native transports of datagrams: as asyncio's own, but several are read in one event."""

import asyncio
import contextlib
import contextvars
import gc
import os
import selectors
import socket
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from endpoints import FAMILIES, HOSTS, WAYS, Endpoint, Listener, has_v6, native_loop, opened
from programs import run

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

needs_v6 = pytest.mark.skipif(not has_v6(), reason="this machine has no IPv6")

KINDS = ["v4", pytest.param("v6", marks=needs_v6)]


@pytest.fixture(params=KINDS)
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    with opened(request.param) as endpoint:
        yield endpoint


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def standard() -> Any:
    return vars(asyncio.selector_events)["_SelectorDatagramTransport"]


def warm_up(endpoint: Endpoint) -> None:
    """Have it find out that several come, for which it looks in one event of 64 at least."""
    for _ in range(70):
        endpoint.send(b"warm", b"up")
        endpoint.until_read()


class TestWhichTransports:
    def test_are_asyncios_where_those_are_asked_for(self) -> None:
        with opened(loop=sideloop.EventLoop(transports="asyncio")) as endpoint:
            assert type(endpoint.transport) is standard()

    @pytest.mark.parametrize("way", WAYS)
    def test_are_ours_unless_others_are_asked_for(self, kind: str, way: str) -> None:
        with opened(kind, way) as endpoint:
            assert type(endpoint.transport).__name__ == "DatagramTransport"
            assert isinstance(endpoint.transport, standard())
            assert repr(endpoint.transport).startswith("<DatagramTransport fd=")

    def test_are_asyncios_in_debug_mode(self) -> None:
        loop = sideloop.EventLoop(transports="native")
        loop.set_debug(True)
        with opened(loop=loop) as endpoint:
            assert type(endpoint.transport) is standard()

    def test_are_asyncios_with_a_selector_of_ones_own(self) -> None:
        loop = sideloop.EventLoop(selectors.PollSelector(), transports="native")
        loop.set_debug(False)
        with opened(loop=loop) as endpoint:
            assert type(endpoint.transport) is standard()

    def test_are_asyncios_for_a_socket_of_another_class_or_family(self) -> None:
        class Socket(socket.socket):
            pass

        ours = Socket(socket.AF_INET, socket.SOCK_DGRAM)
        ours.bind(("127.0.0.1", 0))
        unix, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        loop = native_loop()
        for sock in (ours, unix):
            opening = loop.create_datagram_endpoint(Listener, sock=sock)
            transport, _ = loop.run_until_complete(opening)
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
            mock.patch.object(asyncio.selector_events, "_SelectorDatagramTransport", Patched),
            opened(loop=loop) as endpoint,
        ):
            assert type(endpoint.transport) is Patched

    def test_are_refused_for_a_socket_that_has_one_where_asyncio_refuses(self) -> None:
        with opened() as endpoint, mock.patch("sideloop._loops.transports._CHECKS", new=True):
            fd = endpoint.transport.get_extra_info("socket").fileno()
            again = socket.socket(fileno=fd)
            making = endpoint.loop.create_datagram_endpoint(Listener, sock=again)
            with pytest.raises(RuntimeError, match="is used by transport"):
                endpoint.loop.run_until_complete(making)
            again.detach()


class TestReceiving:
    def test_hands_over_each_datagram_with_its_sender(self, endpoint: Endpoint) -> None:
        endpoint.send(b"first", b"", b"second")
        endpoint.until(lambda: len(endpoint.protocol.received) == 3)
        assert endpoint.protocol.events[1:] == [
            ("datagram_received", data, endpoint.there) for data in (b"first", b"", b"second")
        ]

    def test_tells_senders_apart(self, endpoint: Endpoint) -> None:
        other = socket.socket(endpoint.peer.family, socket.SOCK_DGRAM)
        with other:
            other.bind((endpoint.there[0], 0))
            for _ in range(3):
                endpoint.send(b"one")
                other.sendto(b"other", endpoint.own)
            endpoint.until(lambda: len(endpoint.protocol.received) == 6)
            senders = [event[2] for event in endpoint.protocol.events[1:]]
            assert senders == [endpoint.there, other.getsockname()] * 3

    @pytest.mark.parametrize("size", [1, 1472, 65_507])
    def test_loses_nothing_of_a_large_one(self, endpoint: Endpoint, size: int) -> None:
        data = os.urandom(size)
        endpoint.send(data)
        endpoint.until(lambda: endpoint.protocol.received == [data])

    def test_reads_many_in_one_event(self) -> None:
        turns: list[int] = []
        told = Listener()

        class Counting(sideloop.EventLoop):
            def _run_once(self) -> None:
                turns.append(len(told.events))
                super()._run_once()

        loop = Counting(transports="native")
        loop.set_debug(False)
        with opened(loop=loop, protocol=told) as endpoint:
            warm_up(endpoint)
            before = len(told.events)
            endpoint.send(*[b"one of many"] * 64)
            endpoint.until(lambda: len(told.events) == before + 64)
            began = [count for count in turns if before <= count < before + 64]
            assert len(set(began)) <= 4, "each was read in a turn of its own"

    def test_lets_what_one_has_put_on_the_loop_run_before_the_next(self) -> None:
        for transports in ("asyncio", "native"):
            with opened(transports=transports) as endpoint:
                events: list[Any] = endpoint.protocol.events

                def wake(
                    *_: object, endpoint: Endpoint = endpoint, events: list[Any] = events
                ) -> None:
                    endpoint.loop.call_soon(events.append, ("woken",))

                endpoint.protocol.acts["datagram_received"] = wake
                endpoint.send(b"1", b"2", b"3", b"4")
                endpoint.until(lambda events=events: len(events) == 9)
                assert endpoint.protocol.names()[1:] == ["datagram_received", "woken"] * 4

    @pytest.mark.parametrize("ending", ["close", "abort", "pause_reading"])
    def test_takes_no_more_when_the_protocol_ends_it(self, endpoint: Endpoint, ending: str) -> None:
        if ending == "pause_reading" and sys.version_info < (3, 11):
            pytest.skip("CPython 3.10 cannot pause transports of datagrams")
        end = getattr(endpoint.transport, ending)
        warm_up(endpoint)
        before = len(endpoint.protocol.received)
        endpoint.protocol.acts["datagram_received"] = lambda *_: end()
        endpoint.send(b"1", b"2", b"3")
        endpoint.rest()
        assert endpoint.protocol.received[before:] == [b"1"]

    def test_takes_no_more_when_the_loop_is_to_stop(self, endpoint: Endpoint) -> None:
        warm_up(endpoint)
        before = len(endpoint.protocol.received)
        endpoint.protocol.acts["datagram_received"] = lambda *_: endpoint.loop.stop()
        endpoint.send(b"1", b"2", b"3")
        endpoint.loop.run_forever()
        assert endpoint.protocol.received[before:] == [b"1"]
        endpoint.protocol.acts.clear()

    def test_answers_a_call_before_the_next(self) -> None:
        class Slow(Listener):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                super().datagram_received(data, addr)
                called.wait(0.5)

        called, told = threading.Event(), Slow()

        async def open_it() -> Any:
            loop = asyncio.get_running_loop()
            return await loop.create_datagram_endpoint(lambda: told, local_addr=("127.0.0.1", 0))

        async def count() -> int:
            return len(told.received)

        async def close() -> None:
            transport.abort()

        with (
            sideloop.Runner(drive="thread", loop_factory=native_loop) as runner,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        ):
            transport, _ = runner.run(open_it)
            address = transport.get_extra_info("sockname")
            peer.sendto(b"data", address)
            while not told.received:
                time.sleep(0.001)
            # The first one is waiting now.
            for _ in range(2):
                peer.sendto(b"data", address)
            counted = runner.run(count)
            called.set()
            assert counted <= 2, "it has waited for all of them"
            runner.run(close)

    def test_follows_a_change_of_protocol_in_the_middle(self, endpoint: Endpoint) -> None:
        second = Listener()
        change = endpoint.transport.set_protocol
        endpoint.protocol.acts["datagram_received"] = lambda *_: change(second)
        endpoint.send(b"1", b"2", b"3")
        endpoint.until(lambda: second.received == [b"2", b"3"])
        assert endpoint.transport.get_protocol() is second
        assert endpoint.protocol.received == [b"1"]

    def test_calls_back_in_one_context(self) -> None:
        variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
        for transports in ("asyncio", "native"):
            with opened(transports=transports) as endpoint:
                seen: list[int] = []

                def count(*_: object, seen: list[int] = seen) -> None:
                    seen.append(variable.get())
                    variable.set(variable.get() + 1)

                endpoint.protocol.acts["datagram_received"] = count
                endpoint.send(*[b"data"] * 5)
                endpoint.until(lambda seen=seen: len(seen) == 5)
                assert seen == [0, 1, 2, 3, 4]


class TestSending:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("data", [b"bytes", bytearray(b"array"), memoryview(b"a view")[2:]])
    def test_sends_every_kind_of_bytes_at_once(self, kind: str, way: str, data: Any) -> None:
        with opened(kind, way) as endpoint:
            endpoint.transport.sendto(data, endpoint.there if way == "bound" else None)
            assert endpoint.at_peer() == [bytes(data)]

    def test_answers_whoever_was_heard(self, endpoint: Endpoint) -> None:
        endpoint.protocol.acts["datagram_received"] = endpoint.transport.sendto
        endpoint.send(b"1", b"2", b"3")
        endpoint.until_read()
        assert endpoint.at_peer() == [b"1", b"2", b"3"]

    def test_tells_addresses_apart(self, endpoint: Endpoint) -> None:
        with socket.socket(endpoint.peer.family, socket.SOCK_DGRAM) as other:
            other.bind((endpoint.there[0], 0))
            other.setblocking(False)
            one, two = endpoint.there, other.getsockname()
            for number in range(4):
                endpoint.transport.sendto(b"%d" % number, one)
                endpoint.transport.sendto(b"%d" % -number, two)
            assert endpoint.at_peer() == [b"0", b"1", b"2", b"3"]
            assert [other.recv(10) for _ in range(4)] == [b"0", b"-1", b"-2", b"-3"]

    def test_sends_a_large_one(self, endpoint: Endpoint) -> None:
        data = os.urandom(65_507)
        endpoint.transport.sendto(data, endpoint.there)
        assert endpoint.at_peer() == [data]

    def test_keeps_what_may_change(self, endpoint: Endpoint) -> None:
        data = bytearray(b"before")
        endpoint.transport.sendto(data, endpoint.there)
        data[:] = b"after!"
        assert endpoint.at_peer() == [b"before"]

    @needs_v6
    @pytest.mark.parametrize("length", [2, 3, 4])
    def test_takes_ipv6_addresses_of_every_length(self, length: int) -> None:
        with opened("v6") as endpoint:
            endpoint.transport.sendto(b"data", endpoint.there[:length])
            assert endpoint.at_peer() == [b"data"]

    def test_resolves_a_name(self) -> None:
        with opened("v4") as endpoint:
            endpoint.transport.sendto(b"data", ("localhost", endpoint.there[1]))
            assert endpoint.at_peer() == [b"data"]

    def test_broadcasts_where_that_is_allowed(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("0.0.0.0", 0))  # a broadcast comes in there
            peer.settimeout(20)
            loop = native_loop()
            address = ("127.255.255.255", peer.getsockname()[1])
            opening = loop.create_datagram_endpoint(
                Listener, remote_addr=address, allow_broadcast=True
            )
            transport, protocol = loop.run_until_complete(opening)
            transport.sendto(b"to all")
            transport.sendto(b"again", address)
            assert protocol.errors == []
            assert [peer.recv(10), peer.recv(10)] == [b"to all", b"again"]
            transport.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def test_says_that_a_broadcast_is_not_allowed(self) -> None:
        with opened("v4") as endpoint:
            endpoint.transport.sendto(b"to all", ("127.255.255.255", endpoint.there[1]))
            (error,) = endpoint.protocol.errors
            assert type(error) is PermissionError
            assert not endpoint.transport.is_closing()

    def test_uses_a_socket_that_was_connected_before(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.settimeout(20)
            ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ours.connect(peer.getsockname())
            loop = native_loop()
            opening = loop.create_datagram_endpoint(Listener, sock=ours)
            transport, _ = loop.run_until_complete(opening)
            transport.sendto(b"data")
            # asyncio does not look at it there.
            transport.sendto(b"more", ("192.0.2.1", 9))
            assert [peer.recv(10), peer.recv(10)] == [b"data", b"more"]
            transport.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def test_says_the_same_to_audit_hooks(self) -> None:
        ended = run("audited_datagrams")
        assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")


class TestAddresses:
    """Tuples are made and read as `socket` does."""

    SENDERS = (
        "::1",
        "::ffff:127.0.0.1",
        "::7f00:1",
        "::2:0",
        "2001:db8::1:0:0:1",
        "2001:0:0:1::1",
    )

    @needs_v6
    @pytest.mark.parametrize("host", SENDERS)
    def test_of_ipv6_read_as_the_system_writes_them(self, host: str) -> None:
        text = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host))
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with contextlib.ExitStack() as stack:
            stack.enter_context(sender)
            for one in (sock, sender):
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            # IPV6_FREEBIND: no interface of this machine has these.
            sender.setsockopt(socket.IPPROTO_IPV6, 78, 1)
            try:
                sender.bind((host, 0))
                sock.bind(("::", 0))
                to = "::ffff:127.0.0.1" if host.startswith("::ffff:") else "::1"
                sender.sendto(b"data", (to, sock.getsockname()[1]))
            except OSError as error:
                sock.close()
                pytest.skip(f"nothing can be sent from there: {error}")
            loop = native_loop()
            opening = loop.create_datagram_endpoint(Listener, sock=sock)
            transport, protocol = loop.run_until_complete(opening)
            port = sender.getsockname()[1]
            for _ in range(10):
                loop.run_until_complete(asyncio.sleep(0.001))
            found = [event[2] for event in protocol.events if event[0] == "datagram_received"]
            transport.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        if not found:
            pytest.skip("the system drops what comes from there")
        assert found[0] == (text, port, 0, 0)

    @pytest.mark.parametrize("port", [0x10000, -1, "9", 1.5, None, True])
    def test_with_an_odd_port_are_answered_as_by_asyncio(self, kind: str, port: Any) -> None:
        assert odd(kind, (HOSTS[kind], port)) == odd(kind, (HOSTS[kind], port), "asyncio")

    @pytest.mark.parametrize(
        "address",
        [
            (),
            ("127.0.0.1",),
            ("127.0.0.1", 9, 0),
            ["127.0.0.1", 9],
            "127.0.0.1",
            ("127.000.000.001", 9),
            ("", 9),
            ("::1", 9),
            ("::1", 9, 1 << 20),
            ("::1", 9, 0, 1 << 32),
            ("::1", 9, 0, 0, 0),
            ("::1%lo", 9),
            ("no\0name", 9),
            (b"127.0.0.1", 9),
            (None, 9),
        ],
    )
    def test_of_other_kinds_are_answered_as_by_asyncio(self, kind: str, address: Any) -> None:
        assert odd(kind, address) == odd(kind, address, "asyncio")


def odd(kind: str, address: Any, transports: str = "native") -> Any:
    """What comes of sending there."""
    with opened(kind, transports=transports) as endpoint:
        raised = []
        try:
            endpoint.transport.sendto(b"data", address)
        except Exception as error:
            raised.append(repr(error))
        endpoint.rest()
        events = [(event[0], repr(event[1:])) for event in endpoint.protocol.events[1:]]
        reports = [(one["message"], repr(one["exception"])) for one in endpoint.reports]
        return raised, [event for event in events if event[0] != "datagram_received"], reports


class TestOneThatIsLost:
    def test_forgets_its_protocol_and_loop(self, endpoint: Endpoint) -> None:
        endpoint.do(endpoint.transport.close)
        assert endpoint.protocol.events[-1] == ("connection_lost", None)
        assert endpoint.transport.get_protocol() is None
        assert "closed" in repr(endpoint.transport)

    def test_takes_what_is_sent_to_one_and_warns_of_much(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with opened(way="connected") as endpoint:
            endpoint.do(endpoint.transport.close)
            for _ in range(4):
                endpoint.transport.sendto(b"nowhere")
            assert caplog.messages == []
            endpoint.transport.sendto(b"nowhere")
            assert caplog.messages == ["socket.send() raised exception."]

    def test_is_dropped_without_the_collector(self, kind: str) -> None:
        loop = native_loop()
        opening = loop.create_datagram_endpoint(Listener, local_addr=(HOSTS[kind], 0))
        transport, protocol = loop.run_until_complete(opening)
        transport.sendto(b"to itself", transport.get_extra_info("sockname"))
        loop.run_until_complete(asyncio.sleep(0.01))
        assert protocol.received == [b"to itself"]
        transport.close()
        loop.run_until_complete(asyncio.sleep(0.001))
        seen = weakref.ref(transport)
        gc.disable()
        try:
            del transport
            assert seen() is None
        finally:
            gc.enable()
        loop.close()

    def test_is_collected_with_its_loop_and_warned_of(self) -> None:
        loop = native_loop()

        class Holding(Listener):
            transport: Any = None

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

        opening = loop.create_datagram_endpoint(Holding, local_addr=("127.0.0.1", 0))
        transport, protocol = loop.run_until_complete(opening)
        fd = transport.get_extra_info("socket").fileno()
        seen = weakref.ref(transport)
        loop.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol, loop, opening
            gc.collect()
        texts = [str(one.message) for one in caught if one.category is ResourceWarning]
        # Warnings know whom they are of.
        caught.clear()
        gc.collect()
        assert seen() is None
        assert any(text.startswith("unclosed transport <DatagramTransport") for text in texts)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)

    def test_leaves_no_descriptor_and_no_object_behind(self, kind: str) -> None:
        loop = native_loop()
        alive: weakref.WeakSet[Any] = weakref.WeakSet()

        async def once(number: int) -> None:
            opening = asyncio.get_running_loop().create_datagram_endpoint(
                Listener, local_addr=(HOSTS[kind], 0)
            )
            transport, protocol = await opening
            alive.add(transport)
            own = transport.get_extra_info("sockname")
            transport.sendto(b"to itself", own)
            ends = (transport.close, transport.abort, lambda: None)
            ends[number % 3]()
            await asyncio.sleep(0)
            if number % 3 == 2:
                protocol.acts["datagram_received"] = lambda *_: transport.close()
                await asyncio.sleep(0.001)
                transport.abort()
            await asyncio.sleep(0)

        def descriptors() -> int:
            return len([*Path("/proc/self/fd").iterdir()])

        loop.run_until_complete(once(0))
        before = descriptors()
        for number in range(300):
            loop.run_until_complete(once(number))
        assert descriptors() == before
        gc.collect()
        assert len(alive) == 0
        loop.close()


class TestSocketsThatAreShared:
    def test_are_read_by_one_of_two_loops_at_a_time(self) -> None:
        """Another loop may be quicker, and takes what this one was told of."""
        with opened() as endpoint:
            sock = endpoint.transport.get_extra_info("socket")
            other = socket.socket(FAMILIES["v4"], socket.SOCK_DGRAM, fileno=os.dup(sock.fileno()))
            with other:
                for _ in range(5):
                    endpoint.send(b"data")
                    with contextlib.suppress(BlockingIOError):
                        other.recv(10)
                    endpoint.rest()
            assert endpoint.protocol.errors == []
            endpoint.send(b"last")
            endpoint.until(lambda: endpoint.protocol.received[-1:] == [b"last"])
