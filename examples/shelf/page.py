"""Pagination: a page has some of the things there are, and knows the way to the next."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from shelf._manager import manager

T = TypeVar("T")


class AsyncPage(Generic[T]):
    """A page. To iterate over it is to go on with those after it, which are fetched when needed."""

    def __init__(
        self,
        items: list[T],
        following: int | None,
        fetch: Callable[[int], Awaitable["AsyncPage[T]"]],
    ) -> None:
        self.items = items
        self._following = following
        self._fetch = fetch

    @property
    def is_last(self) -> bool:
        """Whether there is none after it."""
        return self._following is None

    async def next(self) -> "AsyncPage[T]":
        """The page after it.

        Raises:
            LookupError: It is the last one.
        """
        if self._following is None:
            raise LookupError("this is the last page")
        return await self._fetch(self._following)

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        page = self
        while True:
            for item in page.items:
                yield item
            if page.is_last:
                return
            page = await page.next()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> T:
        return self.items[index]

    def __repr__(self) -> str:
        return f"<Page of {len(self)}>"


Page = manager.synced(AsyncPage)
