"""The client."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, TypeVar, overload

from typing_extensions import Self

from shop._models import AsyncBox, AsyncItem, Price

T = TypeVar("T")
Mode = Literal["fast", "slow"]


class Configured:
    """Nothing async."""

    mode: Mode = "fast"


class _Base(ABC):
    @abstractmethod
    async def ping(self) -> bool: ...

    async def pong(self, times: int = 1) -> bool:
        return bool(times)


class AsyncClient(Configured, _Base):
    limit: int | None = None

    def __init__(self, url: str, *, retries: int = 3) -> None:
        self.url = url
        self._retries = retries

    async def ping(self) -> bool:
        return True

    @overload
    async def find(self, key: int) -> AsyncItem: ...
    @overload
    async def find(self, key: str, *, many: bool = ...) -> list[AsyncItem]: ...
    async def find(self, key: int | str, *, many: bool = True) -> AsyncItem | list[AsyncItem]:
        item = AsyncItem(self, str(key))
        return [item] if many and isinstance(key, str) else item

    async def echo(self, value: T) -> T:
        return value

    async def box(self, value: T) -> AsyncBox[T]:
        return AsyncBox(value)

    async def items(self, mode: Mode = "fast", /, *names: str) -> AsyncIterator[AsyncItem]:
        for name in names:
            yield AsyncItem(self, mode + name)

    async def chat(self) -> AsyncGenerator[str, int]:
        yield str((yield ""))

    @asynccontextmanager
    async def open(self, name: str) -> AsyncGenerator[AsyncItem, None]:
        yield AsyncItem(self, name)

    def lock(self) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    def later(self) -> Awaitable[Price]:
        raise NotImplementedError

    def latest(self) -> Coroutine[Any, Any, "dict[str, AsyncItem]"]:
        raise NotImplementedError

    def describe(self) -> str:
        return self.url

    @property
    async def count(self) -> int:
        return 0

    @property
    def best(self) -> AsyncItem:
        return AsyncItem(self, "best")

    @classmethod
    async def connect(cls, url: str) -> Self:
        return cls(url)

    @staticmethod
    async def check(url: str) -> bool:
        return bool(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[AsyncItem]:
        return self.items()

    async def __call__(self, item: AsyncItem) -> AsyncItem:
        return item
