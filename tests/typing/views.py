"""Views of generators, iterators and context managers have exact types."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

from typing_extensions import Self, assert_type

import sideloop
from sideloop import LoopManager, Runner, SyncContextManager, SyncGenerator, synced


async def echo(first: str, *, loud: bool = False) -> AsyncGenerator[bytes, str]:
    yield b""


async def lines(path: str) -> AsyncIterator[bytes]:
    yield b""


@asynccontextmanager
async def opened(path: str, *, create: bool = False) -> AsyncGenerator[bytes, None]:
    yield b""


class Session:
    def __init__(self, url: str) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *error: object) -> None:
        raise NotImplementedError

    @synced
    async def pages(self, start: int) -> AsyncIterator[str]:
        yield str(start)

    @synced
    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator[int, None]:
        yield len(name)


def a_generator_function() -> None:
    twin = synced(echo)
    assert_type(twin("a", loud=True), SyncGenerator[bytes, str])
    assert_type(next(twin("a")), bytes)
    assert_type(twin("a").send("b"), bytes)
    assert_type(twin("a").throw(KeyError), bytes)
    for item in twin("a"):
        assert_type(item, bytes)
    with twin("a") as items:
        assert_type(items, SyncGenerator[bytes, str])
    as_generator: Generator[bytes, str, None] = twin("a")
    print(as_generator)


def a_function_that_says_it_returns_an_iterator() -> None:
    assert_type(next(synced(lines)("path")), bytes)


def a_context_manager_function() -> None:
    twin = synced(opened)
    assert_type(twin("path", create=True), SyncContextManager[bytes])
    with twin("path") as found:
        assert_type(found, bytes)
    as_manager: AbstractContextManager[bytes] = twin("path")
    print(as_manager)


def a_class_that_is_a_context_manager() -> None:
    # The type of its twin is in the stub that `python -m sideloop stubs` writes.
    assert_type(synced(Session), Any)


def methods(session: Session) -> None:
    assert_type(next(session.pages(1)), str)
    with session.transaction("name") as number:
        assert_type(number, int)


def objects(
    session: Session, source: AsyncIterable[int], manager: LoopManager, runner: Runner
) -> None:
    assert_type(next(sideloop.iterate(source)), int)
    assert_type(next(manager.iterate(lines("path"), read_ahead=3)), bytes)
    assert_type(list(runner.iterate(echo("a"))), list[bytes])
    with sideloop.enter(session) as entered:
        assert_type(entered, Session)
    with manager.enter(opened("path")) as found:
        assert_type(found, bytes)
    with runner.enter(asyncio.Lock()) as nothing:
        assert_type(nothing, None)


def what_does_not_fit_is_refused(session: Session) -> None:
    synced(echo)(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synced(echo)("a").send(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synced(opened)(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session.pages("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.iterate([1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.iterate(lines("a"), read_ahead="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.enter(threading.Lock())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
