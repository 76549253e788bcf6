"""Bases, some of which have no twin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

from typing_extensions import Self

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Named:
    """Nothing async."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shout(self) -> str:
        """Its name, in capitals."""
        return self.name.upper()


class AsyncPages(Generic[T]):
    """A base without a twin: what is derived from it has its members, with its own types."""

    first: T
    second: T | None = None

    def __init__(self, items: list[T]) -> None:
        self.items = items
        self.first = items[0]

    async def page(self, number: int = 0) -> list[T]:
        """The items of a page."""
        return self.items[number:]

    async def by_name(self) -> dict[str, T]:
        """All, by some name."""
        return {str(n): item for n, item in enumerate(self.items)}

    async def add(self, item: T) -> Self:
        """Put one more in."""
        self.items.append(item)
        return self

    def __aiter__(self) -> AsyncIterator[T]:
        return self._each()

    async def _each(self) -> AsyncIterator[T]:
        for item in self.items:
            yield item


class AsyncBox(Generic[T]):
    """A base with a twin."""

    def __init__(self, inside: T) -> None:
        self.inside = inside

    async def get(self) -> T:
        """What is inside."""
        return self.inside

    async def map(self, other: V) -> AsyncBox[V]:
        """Another box."""
        return AsyncBox(other)


class AsyncPair(AsyncBox[K], Generic[K, V]):
    """Two type variables, of which a base has one."""

    def __init__(self, key: K, value: V) -> None:
        super().__init__(key)
        self.value = value

    async def swapped(self) -> AsyncPair[V, K]:
        """The other way round."""
        return AsyncPair(self.value, self.inside)


class AsyncText(AsyncBox[str]):
    """What its base is generic in is known."""

    async def length(self) -> int:
        """Of the text."""
        return len(await self.get())


class AsyncAuth(ABC):
    """Sync users implement it."""

    @abstractmethod
    async def token(self, scope: str) -> str:
        """For a request."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Of the token."""

    async def header(self) -> str:
        """With the token."""
        return f"{self.kind} {await self.token('all')}"


class AsyncStore(Protocol):
    """A protocol with async methods, from which sync users derive."""

    async def read(self, key: str) -> str:
        """One value."""
        ...

    async def keys(self) -> list[str]:
        """Of all values."""
        return ["a"]


class AsyncNumbers(AsyncIterator[int]):
    """Derived from what the language has."""

    def __init__(self, to: int) -> None:
        self._left = to

    async def __anext__(self) -> int:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return self._left

    async def total(self, **options: Any) -> int:
        """Of all that are left."""
        return sum([n async for n in self], len(options))
