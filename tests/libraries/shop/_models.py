"""What the client hands out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from typing_extensions import Self

if TYPE_CHECKING:
    from shop._client import AsyncClient

T = TypeVar("T")
Listener = Callable[["AsyncItem"], None]


@dataclass(frozen=True)
class Price:
    cents: int
    notes: list[str] = field(default_factory=list)


class AsyncItem:
    def __init__(self, client: AsyncClient, name: str, price: Price | None = None) -> None:
        self.client = client
        self.name = name
        self.price = price

    async def renamed(self, name: str) -> Self:
        return type(self)(self.client, name, self.price)

    async def similar(self, *others: AsyncItem) -> AsyncIterator[AsyncItem]:
        for other in others:
            yield other

    async def watch(self, listener: Callable[[AsyncItem], None]) -> None:
        listener(self)


class AsyncBox(Generic[T]):
    def __init__(self, inside: T) -> None:
        self.inside = inside

    async def get(self) -> T:
        return self.inside

    async def put(self, inside: T) -> AsyncBox[T]:
        return type(self)(inside)
