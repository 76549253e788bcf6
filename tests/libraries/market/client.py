"""What async Python hands out, other than by `async def`."""

import asyncio
import functools
from collections.abc import AsyncIterator, Generator
from typing import NamedTuple

from market.resources import AsyncChat


class AsyncStream:
    def __init__(self) -> None:
        self.position = 0

    async def read(self) -> bytes:
        return b""


class Response:
    async def text(self) -> str:
        return ""


class Call:
    def __await__(self) -> Generator[None, None, Response]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Response:
        return Response()

    async def __aexit__(self, *error: object) -> None: ...


class Later:
    def __await__(self) -> Generator[None, None, int]:
        yield
        return 1


class Pages:
    def __await__(self) -> Generator[None, None, list[int]]:
        yield
        return [1]

    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1


class Transaction:
    async def __aenter__(self) -> AsyncStream:
        return AsyncStream()

    async def __aexit__(self, *error: object) -> None: ...


class AsyncRow(NamedTuple):
    n: int

    async def save(self) -> int:
        return self.n


class AsyncMarket:
    def __init__(self) -> None:
        self.chat: AsyncChat = AsyncChat()
        self.started = asyncio.ensure_future(self.find(1))
        self.ready: asyncio.Future[AsyncStream] = asyncio.Future()
        self.ready.set_result(AsyncStream())

    def __await__(self) -> Generator[None, None, "AsyncMarket"]:
        yield
        return self

    async def maybe(self) -> AsyncStream | None:
        return None

    @functools.cached_property
    async def info(self) -> int:
        return 1

    @functools.cached_property
    def resource(self) -> AsyncChat:
        return AsyncChat()

    async def _get(self, n: int, m: str = "") -> bytes:
        return m.encode() * n

    get_five = functools.partialmethod(_get, 5)
    get_named = functools.partialmethod(_get, m="a")

    @functools.singledispatchmethod
    async def find(self, key: object) -> str:
        return f"{key}"

    @find.register
    async def _(self, key: int) -> str:
        return f"number {key}"

    def future(self) -> "asyncio.Future[int]":
        return asyncio.ensure_future(asyncio.sleep(0, 1))

    @property
    def later_property(self) -> Later:
        return Later()

    def task(self) -> asyncio.Task[str]:
        return asyncio.ensure_future(self.find(1))

    def later(self) -> Later:
        return Later()

    def post(self, url: str) -> Call:
        assert url
        return Call()

    def pages(self) -> Pages:
        return Pages()

    def begin(self) -> Transaction:
        return Transaction()

    async def open(self) -> AsyncStream:
        return AsyncStream()

    async def spawn(self, n: int = 1) -> list[asyncio.Task[AsyncStream]]:
        return [asyncio.ensure_future(self.open()) for _ in range(n)]

    async def gathered(self, tasks: "list[asyncio.Task[AsyncStream]]") -> int:
        return len(await asyncio.gather(*tasks))

    async def streams(self) -> dict[str, list[AsyncStream]]:
        return {"a": [AsyncStream()]}


def connect(name: str) -> AsyncMarket:
    assert name
    return AsyncMarket()
