"""Twins of each form, as far as the type of `synced` says it. What it cannot say is in stubs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, overload

from typing_extensions import assert_type

from sideloop import AsyncOriginal, LoopManager, SyncContextManager, SyncGenerator, synced

manager = LoopManager(scope="process")


@synced
async def fetch(url: str, *, retries: int = 0) -> bytes:
    raise NotImplementedError


def later(url: str) -> Awaitable[bytes]:
    raise NotImplementedError


def lines(path: str) -> AsyncIterator[str]:
    raise NotImplementedError


def locked(path: str) -> AbstractAsyncContextManager[int]:
    raise NotImplementedError


@overload
async def parse(source: int) -> bytes: ...
@overload
async def parse(source: str) -> str: ...
async def parse(source: int | str) -> bytes | str:
    raise NotImplementedError


class Client:
    @manager.synced
    async def get(self, path: str) -> bytes:
        raise NotImplementedError

    @synced
    async def pages(self, start: int = 0) -> AsyncGenerator[str, int]:
        yield str(start)

    @synced
    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator[bytes, None]:
        yield path.encode()

    @property
    @synced
    async def size(self) -> int:
        raise NotImplementedError

    @classmethod
    @synced
    async def connect(cls, url: str) -> "Client":
        raise NotImplementedError

    @staticmethod
    @synced
    async def check(url: str) -> bool:
        raise NotImplementedError


class Whole:
    async def get(self) -> int:
        raise NotImplementedError


def functions() -> None:
    assert_type(fetch("url", retries=1), bytes)
    assert_type(synced(later)("url"), bytes)
    assert_type(synced(lines)("path"), SyncGenerator[str, Any])
    assert_type(synced(locked)("path"), SyncContextManager[int])
    assert_type(manager.synced(parse)(1), bytes)
    assert_type(manager.synced(parse)("a"), str)


def members(client: Client) -> None:
    assert_type(client.get("a"), bytes)
    assert_type(client.pages(start=1), SyncGenerator[str, int])
    assert_type(client.open("a"), SyncContextManager[bytes])
    assert_type(client.size, int)
    assert_type(client.connect("url"), Client)
    assert_type(Client.check("url"), bool)


def classes_and_modules_are_for_stubs() -> None:
    assert_type(synced(Whole), Any)
    assert_type(manager.synced(asyncio), Any)


class InAStub:
    """As `python -m sideloop stubs` writes it."""

    def get(self) -> int:
        raise NotImplementedError

    @AsyncOriginal
    def aio(self) -> Whole:
        raise NotImplementedError


def originals(twin: InAStub) -> None:
    assert_type(twin.aio, Whole)
    assert_type(InAStub.aio, type[Whole])


def what_is_not_async_is_refused(client: Client) -> None:
    synced(len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    fetch(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.get(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.pages("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
