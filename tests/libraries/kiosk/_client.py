"""The async half."""

from collections.abc import AsyncIterator
from enum import Enum
from typing import NamedTuple


class AsyncPaper(NamedTuple):
    """One to read."""

    title: str
    price: float = 1.5

    async def read(self) -> str:
        """All of it."""
        return self.title


class AsyncSize(Enum):
    """Of a paper."""

    SMALL = 1
    LARGE = 2

    async def fits(self) -> bool:
        """In a pocket."""
        return self is AsyncSize.SMALL


class AsyncClient:
    """Asks the kiosk."""

    def __init__(self, url: str = "", *, size: AsyncSize | None = None) -> None:
        self.url = url
        self.size = size or AsyncSize.SMALL

    async def get(self, title: str) -> AsyncPaper:
        """A paper."""
        return AsyncPaper(title)

    async def each(self) -> AsyncIterator[AsyncPaper]:
        """All papers."""
        yield AsyncPaper("one")


async def fetch(title: str) -> AsyncPaper:
    """Without a client."""
    return AsyncPaper(title)
