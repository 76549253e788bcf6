"""Books, and the resource that has them: `client.books`."""

import asyncio
import functools
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode

from typing_extensions import Self

from shelf._manager import manager
from shelf.errors import error_of
from shelf.message import Request
from shelf.page import AsyncPage
from shelf.reviews import AsyncReviews
from shelf.transport import AsyncTransport

JsonObject = dict[str, Any]

Progress = Callable[[int], Awaitable[None]]
"""Hears how many bytes there are so far."""


class AsyncBook:
    """A book on the shelf."""

    def __init__(self, client: AsyncTransport, data: JsonObject) -> None:
        self.client = client
        self.reviews: AsyncReviews = AsyncReviews(client, int(data["number"]))
        self._data = data

    @property
    def number(self) -> int:
        """What the shelf knows it by."""
        return int(self._data["number"])

    @property
    def title(self) -> str:
        """What is on its cover."""
        return str(self._data["title"])

    @property
    async def words(self) -> int:
        """How long it is, counted by reading it."""
        return len((await self.read()).split())

    async def refresh(self) -> Self:
        """Look again what the shelf says of it."""
        request = Request("GET", f"/books/{self.number}")
        self._data = (await self.client.request(request)).json()
        return self

    async def rename(self, title: str) -> Self:
        """Give it another title."""
        path, body = f"/books/{self.number}", json.dumps({"title": title}).encode()
        self._data = (await self.client.request(Request("PUT", path, body))).json()
        return self

    async def remove(self) -> None:
        """Take it off the shelf."""
        await self.client.request(Request("DELETE", f"/books/{self.number}"))

    async def read(self, progress: Progress | None = None) -> str:
        """All of its text; a function may hear how it goes."""
        text = b""
        async for chunk in self.stream():
            text += chunk
            if progress is not None:
                await progress(len(text))
        return text.decode()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
        request = await self.client.signed(Request("GET", f"/books/{self.number}/text"))
        async with self.client.connection() as connection:
            status, reason, headers = await connection.send(request)
            async for chunk in connection.receive(headers):
                yield chunk
            if status >= 400:
                raise error_of(status, reason)

    async def is_by_same_client_as(self, other: "AsyncBook") -> bool:
        """Whether another book was got from the same client."""
        return self.client is other.client

    def __repr__(self) -> str:
        return f"<Book {self.number}: {self.title}>"


class AsyncBooks:
    """All books. Iterate over it, or ask for some of them."""

    page_size = 20
    """How many come at once, unless that is said."""

    def __init__(self, client: AsyncTransport) -> None:
        self._client = client

    async def get(self, number: int) -> AsyncBook:
        """Find a book by its number."""
        answer = await self._client.request(Request("GET", f"/books/{number}"))
        return AsyncBook(self._client, answer.json())

    async def add(self, title: str, text: str = "") -> AsyncBook:
        """Put a book on the shelf."""
        body = json.dumps({"title": title, "text": text}).encode()
        answer = await self._client.request(Request("POST", "/books", body))
        return AsyncBook(self._client, answer.json())

    async def list(
        self, *, containing: str = "", page_size: int | None = None
    ) -> AsyncPage[AsyncBook]:
        """The first page of all books, or of those with a word in their titles."""
        return await self._page(containing, page_size or self.page_size, 0)

    async def _page(self, containing: str, size: int, after: int) -> AsyncPage[AsyncBook]:
        query = urlencode({"containing": containing, "size": size, "after": after}, quote_via=quote)
        answer = (await self._client.request(Request("GET", f"/books?{query}"))).json()
        books = [AsyncBook(self._client, data) for data in answer["books"]]
        return AsyncPage(books, answer["next"], functools.partial(self._page, containing, size))

    async def __aiter__(self) -> AsyncGenerator[AsyncBook, None]:
        async for book in await self.list():
            yield book

    @property
    async def count(self) -> int:
        """How many there are."""
        return int((await self._client.request(Request("GET", "/count"))).json())

    async def first_of_each(self, *words: str) -> dict[str, AsyncBook | None]:
        """The first book with each of these words in its title; all are looked for at once."""

        async def first(word: str) -> AsyncBook | None:
            page = await self.list(containing=word, page_size=1)
            return page[0] if len(page) else None

        found = await asyncio.gather(*(first(word) for word in words))
        return dict(zip(words, found, strict=True))


Book = manager.synced(AsyncBook)
Books = manager.synced(AsyncBooks)
