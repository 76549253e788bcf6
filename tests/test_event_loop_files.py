"""Readers and writers, asked for as asyncio's transports do since CPython 3.15: with a context."""

import asyncio
import contextvars
import selectors
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest
from loops import OURS, Loop

BASE: Any = OURS

variable = contextvars.ContextVar("variable", default="nobody's")


class Inheriting(OURS):
    """As libraries do that look at what becomes ready."""

    def _process_events(self, events: list[tuple[selectors.SelectorKey, int]]) -> None:
        super()._process_events(events)


class Overriding(BASE):
    """As libraries do that know the signature of CPython 3.15."""

    def _add_reader(
        self, fd: Any, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return super()._add_reader(fd, callback, *args, context=context)

    def _add_writer(
        self, fd: Any, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return super()._add_writer(fd, callback, *args, context=context)


def debugging() -> Loop:
    loop = OURS()
    loop.set_debug(True)
    return loop


WAYS: dict[str, Callable[[], Loop]] = {
    "plainly": OURS,
    "in debug mode": debugging,
    "with a foreign selector": lambda: OURS(selectors.PollSelector()),
    "with events of its own": Inheriting,
    "by methods of its own": Overriding,
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def loop(request: pytest.FixtureRequest) -> Generator[Any]:
    loop = request.param()
    yield loop
    loop.close()


@pytest.fixture(params=[lambda end: end.fileno(), lambda end: end], ids=["number", "file"])
def named(request: pytest.FixtureRequest) -> Any:
    """How the file is named: by what is plain, or by an object."""
    return request.param


def context_of(value: str) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(variable.set, value)
    return context


class TestAContext:
    def test_is_the_one_that_the_callback_runs_in(
        self, loop: Any, named: Callable[[socket.socket], Any]
    ) -> None:
        found: list[tuple[str, str]] = []

        def note(which: str) -> None:
            found.append((which, variable.get()))
            variable.set(f"the {which}'s own")
            if len(found) == 2:
                loop.stop()

        reader, writer = context_of("reader's"), context_of("writer's")
        near, far = socket.socketpair()
        with near, far:
            far.send(b"x")
            # Each changes what is there for the other: both orders, one after the other.
            loop._add_writer(named(near), print, context=reader)
            handle = loop._add_reader(named(near), note, "reader", context=reader)
            assert isinstance(handle, asyncio.Handle)
            loop._add_writer(named(near), note, "writer", context=writer)
            loop.run_forever()
            assert loop._remove_reader(named(near))
            assert loop._remove_writer(named(near))
        assert sorted(found[:2]) == [("reader", "reader's"), ("writer", "writer's")]
        # In these very contexts: what is set in them stays.
        assert (reader[variable], writer[variable]) == ("the reader's own", "the writer's own")
        assert variable.get() == "nobody's"

    @pytest.mark.parametrize("options", [{}, {"context": None}], ids=["left out", "None"])
    def test_that_is_not_given_is_a_copy_of_the_current_one(
        self, loop: Any, options: dict[str, None]
    ) -> None:
        found: list[str] = []

        def note() -> None:
            found.append(variable.get())
            variable.set("the callback's own")
            loop.stop()

        near, far = socket.socketpair()
        with near, far:
            context = context_of("the asker's")
            context.run(lambda: loop._add_writer(near.fileno(), note, **options))
            loop.run_forever()
            loop._remove_writer(near.fileno())
        assert found == ["the asker's"]
        assert context[variable] == "the asker's"


class TestTransports:
    """All of asyncio's, on a loop whose methods get a context from each of them."""

    @pytest.fixture
    def loop(self) -> Generator[Any]:
        class AsIn315(BASE):
            def _add_reader(self, fd: Any, callback: Any, *args: Any, **options: Any) -> Any:
                asked.append("reader")
                options.setdefault("context", contextvars.copy_context())
                return super()._add_reader(fd, callback, *args, **options)

            def _add_writer(self, fd: Any, callback: Any, *args: Any, **options: Any) -> Any:
                asked.append("writer")
                options.setdefault("context", contextvars.copy_context())
                return super()._add_writer(fd, callback, *args, **options)

        asked: list[str] = []
        loop = AsIn315()
        yield loop
        loop.close()
        assert set(asked) == {"reader", "writer"}

    def test_of_streams_exchange_much(self, loop: Loop) -> None:
        big = bytes(range(256)) * 20_000

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(-1))
            writer.close()
            await writer.wait_closed()

        async def main() -> None:
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(big)
            writer.write_eof()
            assert await reader.read(-1) == big
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()

        loop.run_until_complete(asyncio.wait_for(main(), 20))

    def test_of_subprocesses_exchange_much(self, loop: Loop) -> None:
        big = bytes(range(256)) * 20_000

        async def main() -> None:
            program = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
            pipe = asyncio.subprocess.PIPE
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, stdin=pipe, stdout=pipe
            )
            output, _ = await child.communicate(big)
            assert output == big
            assert child.returncode == 0

        loop.run_until_complete(asyncio.wait_for(main(), 20))

    def test_of_sockets_without_one_exchange_much(self, loop: Loop) -> None:
        big = bytes(range(256)) * 20_000

        async def main() -> None:
            near, far = socket.socketpair()
            near.setblocking(False)
            far.setblocking(False)
            with near, far:
                sending = asyncio.ensure_future(loop.sock_sendall(near, big))
                got = b""
                while len(got) < len(big):
                    got += await loop.sock_recv(far, 65536)
                await sending
                waiting = asyncio.ensure_future(loop.sock_recv(far, 1))
                await asyncio.sleep(0)
                await loop.sock_sendall(near, b"x")
                assert (got, await waiting) == (big, b"x")

        loop.run_until_complete(asyncio.wait_for(main(), 20))
