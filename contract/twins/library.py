"""The async library that each tool makes a sync one of. It knows none of them.

unasync rewrites this file.
"""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

user = contextvars.ContextVar("user", default="nobody")


class AsyncItem:
    """Something that a client hands out."""

    def __init__(self, client: "AsyncClient", number: int) -> None:
        self.client = client
        self.number = number

    async def read(self) -> str:
        """What is in it."""
        return await self.client.label(self.number)

    async def owner(self) -> "AsyncClient":
        """Whose it is."""
        return self.client


class AsyncClient:
    """Hands out items."""

    prefix = "item"

    def __init__(self) -> None:
        self.name = "shop"
        self._events: list[str] = []
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> "AsyncClient":
        await asyncio.sleep(0)
        self._events.append("entered")
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(0)
        self._events.append("left")

    async def events(self) -> list[str]:
        """What has happened."""
        return self._events

    async def add(self, a: int, b: int) -> int:
        """Add."""
        return a + b

    async def label(self, number: int) -> str:
        """What an item is called: a place to override."""
        return f"{self.prefix} {number}"

    async def labels(self, count: int) -> list[str]:
        """What several are called."""
        return [await self.label(number) for number in range(count)]

    async def get(self, number: int) -> AsyncItem:
        """One item, for one caller at a time."""
        async with self._lock:
            await asyncio.sleep(0.001)
            return AsyncItem(self, number)

    async def get_all(self, count: int) -> dict[str, list[AsyncItem]]:
        """Several items."""
        return {"items": [await self.get(number) for number in range(count)]}

    async def stream(self, count: int) -> AsyncGenerator[int, None]:
        """Numbers, one by one."""
        try:
            for number in range(count):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)
            self._events.append("closed")

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncItem, None]:
        """An item for the length of a block."""
        await asyncio.sleep(0)
        yield AsyncItem(self, 0)
        await asyncio.sleep(0)
        self._events.append("ended")

    @property
    async def size(self) -> int:
        """How many there are."""
        await asyncio.sleep(0)
        return 3

    async def each(self, convert: Callable[[int], Awaitable[str]]) -> list[str]:
        """What a function of the user's makes of some numbers."""
        return [await convert(number) for number in range(3)]

    async def both(self) -> float:
        """Wait twice, at the same time."""
        await asyncio.gather(asyncio.sleep(0.2), asyncio.sleep(0.2))
        return 0.2

    async def wait(self) -> None:
        """Wait for long, and clean up."""
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            self._events.append("cleaned up")

    async def fail(self) -> None:
        """Raise."""
        await asyncio.sleep(0)
        raise KeyError("missing")

    async def run(self, sync_fn: Callable[[], T]) -> T:
        """Call a sync function, on the loop."""
        return sync_fn()

    async def who(self) -> str:
        """Who is asking, by a context variable."""
        return user.get()

    async def sign_in(self, name: str) -> None:
        """Set who is asking."""
        user.set(name)
