"""A loop with native transports keeps files registered between its methods for sockets, unseen."""

import asyncio
import contextlib
import os
import select
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from connections import open_files
from endpoints import native_loop

import sideloop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def loop() -> Iterator[Any]:
    loop = native_loop()
    yield loop
    loop.close()


@contextlib.contextmanager
def a_pair() -> Iterator[Pair]:
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    with here, there:
        yield here, there


@pytest.fixture
def pair() -> Iterator[Pair]:
    with a_pair() as pair:
        yield pair


def registered(loop: Any) -> dict[int, int]:
    """What the kernel watches for the loop: the events of each descriptor."""
    found = {}
    for line in Path(f"/proc/self/fdinfo/{loop._selector.fileno()}").read_text().splitlines():
        if line.startswith("tfd:"):
            words = line.split()
            found[int(words[1])] = int(words[3], 16)
    return found


async def recv_one(loop: Any, here: socket.socket, there: socket.socket, data: bytes) -> None:
    """Wait for it, and get it."""
    receiving = loop.create_task(loop.sock_recv(here, 100))
    await asyncio.sleep(0.001)
    there.send(data)
    assert await receiving == data
    await asyncio.sleep(0.001)


def turns_in(loop: Any, seconds: float) -> int:
    """How often the loop turns, if nobody has anything for it to do."""

    class Counter:
        count = 0

    original = type(loop)._process_events

    def count(self: Any, events: Any) -> None:
        Counter.count += 1
        original(self, events)

    loop._process_events = count.__get__(loop)
    try:
        loop.run_until_complete(asyncio.sleep(seconds))
    finally:
        del loop._process_events
    return Counter.count


class TestARegistration:
    def test_stays_after_it_has_told(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        assert registered(loop)[here.fileno()] & (select.EPOLLIN | select.EPOLLOUT) == 0
        assert here.fileno() not in loop._selector.get_map()
        assert not loop.remove_reader(here.fileno())
        loop.run_until_complete(recv_one(loop, here, there, b"2"))

    def test_does_not_stay_without_native_transports(self, pair: Pair) -> None:
        loop = sideloop.EventLoop(transports="asyncio")
        loop.set_debug(False)
        loop.run_until_complete(recv_one(loop, *pair, b"1"))
        assert pair[0].fileno() not in registered(loop)
        loop.close()

    def test_does_not_turn_the_loop_while_nobody_waits(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        there.send(b"nobody waits for this")
        assert turns_in(loop, 0.05) < 5

    def test_does_not_turn_the_loop_where_somebody_else_has_the_closed_file(
        self, loop: Any, pair: Pair
    ) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        kept = here.dup()
        here.close()
        there.send(b"to the other")
        assert turns_in(loop, 0.05) < 5
        kept.close()

    @pytest.mark.parametrize("is_kept", [False, True], ids=["closed", "open elsewhere"])
    def test_is_not_taken_for_another_files_of_the_same_number(
        self, loop: Any, is_kept: bool
    ) -> None:
        with a_pair() as (here, there):
            number = here.fileno()
            loop.run_until_complete(recv_one(loop, here, there, b"1"))
            kept = here.dup() if is_kept else None
            here.close()
            with a_pair() as (new, peer):
                assert new.fileno() == number
                with contextlib.suppress(BrokenPipeError):
                    there.send(b"for the old one")
                loop.run_until_complete(recv_one(loop, new, peer, b"2"))
            if kept is not None:
                kept.close()

    def test_is_dropped_for_one_that_is_cancelled(self, loop: Any, pair: Pair) -> None:
        async def cancel() -> None:
            receiving = loop.create_task(loop.sock_recv(pair[0], 1))
            await asyncio.sleep(0.001)
            assert registered(loop)[pair[0].fileno()] & select.EPOLLIN
            receiving.cancel()
            await asyncio.sleep(0.001)

        loop.run_until_complete(cancel())
        assert pair[0].fileno() not in registered(loop)

    def test_is_as_always_for_a_reader_of_the_users(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        calls: list[int] = []
        loop.add_reader(here.fileno(), calls.append, 1)
        there.send(b"2")
        loop.run_until_complete(asyncio.sleep(0.01))
        # As long as there is something.
        assert len(calls) > 3
        assert loop.remove_reader(here.fileno())
        assert here.fileno() not in registered(loop)
        assert here.recv(10) == b"2"
        loop.run_until_complete(recv_one(loop, here, there, b"3"))

    def test_is_as_always_for_a_reader_in_the_place_of_one_that_waits(
        self, loop: Any, pair: Pair
    ) -> None:
        here, there = pair
        calls: list[int] = []

        async def replace() -> None:
            receiving = loop.create_task(loop.sock_recv(here, 1))
            await asyncio.sleep(0.001)
            loop.add_reader(here.fileno(), calls.append, 1)
            there.send(b"2")
            await asyncio.sleep(0.01)
            assert not receiving.done()
            receiving.cancel()
            await asyncio.sleep(0)

        loop.run_until_complete(replace())
        assert len(calls) > 3

    def test_is_of_both_directions_where_one_sends_and_one_receives(
        self, loop: Any, pair: Pair
    ) -> None:
        here, there = pair
        message = bytes(3_000_000)

        async def both() -> tuple[bytes, int]:
            receiving = loop.create_task(loop.sock_recv(here, 10))
            await asyncio.sleep(0.001)
            sending = loop.create_task(loop.sock_sendall(here, message))
            await asyncio.sleep(0.001)
            count = 0
            while count < len(message):
                count += len(await loop.sock_recv(there, 1 << 16))
            await sending
            there.send(b"answer")
            return await receiving, count

        assert loop.run_until_complete(both()) == (b"answer", len(message))

    def test_is_armed_again_for_one_that_is_woken_in_vain(self, loop: Any, pair: Pair) -> None:
        here, there = pair

        async def steal() -> bytes:
            receiving = loop.create_task(loop.sock_recv(here, 10))
            await asyncio.sleep(0.001)
            # A callback that runs before the reader, in the turn in which both have something.
            with a_pair() as (first, other):
                loop.add_reader(first.fileno(), lambda: (first.recv(1), here.recv(10)))
                other.send(b"1")
                there.send(b"stolen")
                await asyncio.sleep(0.001)
                loop.remove_reader(first.fileno())
            assert not receiving.done()
            there.send(b"kept")
            return await asyncio.wait_for(receiving, 5)

        assert loop.run_until_complete(steal()) in {b"kept", b"stolen"}

    def test_is_armed_again_for_one_that_sends_in_parts(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        message = bytes(range(250)) * 20_000

        async def send() -> bytes:
            sending = loop.create_task(loop.sock_sendall(here, message))
            got = bytearray()
            while len(got) < len(message):
                got += await loop.sock_recv(there, 10_000)
            await sending
            return bytes(got)

        assert loop.run_until_complete(asyncio.wait_for(send(), 20)) == message

    def test_ends_with_debug_mode(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        loop.set_debug(True)
        loop.run_until_complete(recv_one(loop, here, there, b"2"))
        assert here.fileno() not in registered(loop)
        loop.set_debug(False)
        loop.run_until_complete(recv_one(loop, here, there, b"3"))

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_is_left_alone_by_a_forks_child(self, loop: Any, pair: Pair) -> None:
        here, there = pair
        loop.run_until_complete(recv_one(loop, here, there, b"1"))
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                asyncio._set_running_loop(None)
                loop._remove_reader(here.fileno())
                loop._add_reader(here.fileno(), print)
                loop.close()
            os._exit(0)
        os.waitpid(child, 0)
        loop.run_until_complete(recv_one(loop, here, there, b"2"))


class TestTheMethods:
    @pytest.mark.parametrize("make", [native_loop, asyncio.SelectorEventLoop])
    def test_do_the_same_on_both(self, make: Any) -> None:
        loop = make()
        loop.set_debug(False)
        seen: list[Any] = []

        async def serve(server: socket.socket) -> None:
            for _ in range(3):
                conn, _ = await loop.sock_accept(server)
                with conn:
                    room = bytearray(8)
                    while count := await loop.sock_recv_into(conn, room):
                        await loop.sock_sendall(conn, room[:count] * 2)

        async def ask(address: Any) -> None:
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, address)
                for size in (1, 8, 5):
                    await loop.sock_sendall(client, b"x" * size)
                    got = b""
                    while len(got) < 2 * size:
                        got += await loop.sock_recv(client, 100)
                    seen.append(got)
                client.shutdown(socket.SHUT_WR)
                seen.append(await loop.sock_recv(client, 1))

        async def main() -> None:
            with socket.create_server(("127.0.0.1", 0)) as server:
                server.setblocking(False)
                serving = loop.create_task(serve(server))
                for _ in range(3):
                    await ask(server.getsockname())
                await serving

        before = open_files()
        loop.run_until_complete(asyncio.wait_for(main(), 20))
        assert open_files() == before
        loop.close()
        assert seen == [b"xx", b"x" * 16, b"x" * 10, b""] * 3

    def test_that_are_several_at_once_get_all_in_turn(self, loop: Any) -> None:
        async def main() -> int:
            total = 0
            with contextlib.ExitStack() as stack:
                pairs = [stack.enter_context(a_pair()) for _ in range(40)]

                async def echo(sock: socket.socket) -> None:
                    while data := await loop.sock_recv(sock, 100):
                        await loop.sock_sendall(sock, data)

                async def ask(sock: socket.socket) -> int:
                    count = 0
                    for number in range(20):
                        await loop.sock_sendall(sock, bytes([number]))
                        count += (await loop.sock_recv(sock, 10)) == bytes([number])
                    sock.shutdown(socket.SHUT_WR)
                    return count

                serving = [loop.create_task(echo(there)) for _, there in pairs]
                total = sum(await asyncio.gather(*(ask(here) for here, _ in pairs)))
                await asyncio.gather(*serving)
            return total

        assert loop.run_until_complete(asyncio.wait_for(main(), 20)) == 800


class Socket(socket.socket):
    """A class of somebody's own."""


def reset(there: socket.socket) -> None:
    """Have the other end get an error."""
    there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    there.close()


@contextlib.contextmanager
def tcp_pair() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
    here.setblocking(False)
    there.setblocking(False)
    with here, there:
        yield here, there


Receiving = Callable[[Any, socket.socket, socket.socket, list[Any]], Awaitable[None]]


async def note(awaited: Awaitable[Any], seen: list[Any]) -> None:
    try:
        seen.append(await awaited)
    except (Exception, asyncio.CancelledError) as error:
        # Without the numbers of descriptors.
        words = str(error).partition("<")[0].split()
        seen.append((type(error), [word for word in words if not word.isdigit()]))


async def at_once(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    there.send(b"some")
    for most in (1, 2, True, 0, -1, 1 << 70, "many", None, 100.0):
        await note(loop.sock_recv(here, most), seen)
        there.send(b"more")


async def later(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    for size in (1, 1000, 65_536, 100_000):
        receiving = loop.create_task(loop.sock_recv(here, size))
        await asyncio.sleep(0.001)
        sent = there.send(bytes(size))
        received = await receiving
        # Much may come in pieces.
        while len(received) < sent:
            received += await loop.sock_recv(here, size)
        seen.append(received)


async def at_the_end(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    receiving = loop.create_task(note(loop.sock_recv(here, 10), seen))
    await asyncio.sleep(0.001)
    there.close()
    await receiving
    await note(loop.sock_recv(here, 10), seen)


async def is_reset(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    receiving = loop.create_task(note(loop.sock_recv(here, 10), seen))
    await asyncio.sleep(0.001)
    reset(there)
    await receiving


async def closed(loop: Any, here: socket.socket, _: socket.socket, seen: list[Any]) -> None:
    here.close()
    await note(loop.sock_recv(here, 10), seen)


async def cancelled(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    for data in (b"first", b"second"):
        receiving = loop.create_task(note(loop.sock_recv(here, 10), seen))
        await asyncio.sleep(0.001)
        receiving.cancel()
        await receiving
        await asyncio.sleep(0)
        seen.append(loop.remove_reader(here))
        there.send(data)
        await note(loop.sock_recv(here, 10), seen)


async def taken_over(loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]) -> None:
    first = loop.create_task(note(loop.sock_recv(here, 10), seen))
    await asyncio.sleep(0.001)
    second = loop.create_task(note(loop.sock_recv(here, 10), seen))
    await asyncio.sleep(0.001)
    first.cancel()
    await first
    there.send(b"for the second")
    await second


async def of_a_transport(loop: Any, here: socket.socket, _: socket.socket, seen: list[Any]) -> None:
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
    await note(loop.sock_recv(here, 10), seen)
    transport.abort()
    await asyncio.sleep(0)


async def with_a_time_limit(
    loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]
) -> None:
    here.settimeout(0.02)
    await note(loop.sock_recv(here, 10), seen)
    there.send(b"some")
    await note(loop.sock_recv(here, 10), seen)


async def of_another_class(
    loop: Any, here: socket.socket, there: socket.socket, seen: list[Any]
) -> None:
    with Socket(fileno=here.detach()) as own:
        own.setblocking(False)
        there.send(b"some")
        await note(loop.sock_recv(own, 10), seen)


class TestSockRecv:
    @pytest.mark.parametrize(
        "program",
        [
            *(at_once, later, at_the_end, is_reset, closed, cancelled, taken_over),
            *(of_a_transport, with_a_time_limit, of_another_class),
        ],
    )
    def test_does_what_asyncios_does(self, program: Receiving) -> None:
        def run(loop: Any) -> list[Any]:
            loop.set_debug(False)
            seen: list[Any] = []
            with tcp_pair() as (here, there):
                loop.run_until_complete(asyncio.wait_for(program(loop, here, there, seen), 20))
            loop.close()
            return seen

        assert run(native_loop()) == run(asyncio.SelectorEventLoop())

    def test_asks_who_has_replaced_a_method(self, pair: Pair) -> None:
        asked: list[Any] = []

        class Loop(sideloop.EventLoop):
            def _sock_recv(self, *args: Any) -> None:
                asked.append(args)
                super()._sock_recv(*args)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

        loop = Loop()
        loop.set_debug(False)
        loop.run_until_complete(recv_one(loop, *pair, b"1"))
        assert len(asked) == 1
        loop.close()
