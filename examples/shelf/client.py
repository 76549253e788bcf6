"""An HTTP client over asyncio streams: pagination, a connection pool, streaming, retries.

All of it is async code. What makes the library of sync users are the three calls of `synced`:
`Client`, `Book` and `Connection` are sync, and their async originals are at `aio`. The types of all
that are in `client.pyi`, which `python -m sideloop stubs shelf` writes.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from typing_extensions import Self

from sideloop import LoopManager

Method = Literal["DELETE", "GET", "POST", "PUT"]

JsonObject = dict[str, Any]

CHUNK = 64 * 1024

# The connections of a client belong to one loop, whichever threads it is used in.
manager = LoopManager(scope="process")


class ShelfError(Exception):
    """The server has refused a request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Response:
    """An answer, with all of its body."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, as what it stands for."""
        return json.loads(self.body)

    def raise_for_status(self) -> None:
        """Raise a ShelfError unless the server has done what was asked for."""
        if self.status >= 400:
            raise ShelfError(self.status, self.reason)


class AsyncConnection:
    """One connection to the server, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.requests = 0
        self.reusable = True

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    async def close(self) -> None:
        """Disconnect."""
        self.reusable = False
        self._writer.close()
        await self._writer.wait_closed()

    async def request(self, method: Method, path: str, body: bytes = b"") -> Response:
        """Send a request and read all of the answer."""
        status, reason, headers = await self.send(method, path, body)
        content = b"".join([chunk async for chunk in self.receive(headers)])
        return Response(status, reason, headers, content)

    async def send(
        self, method: Method, path: str, body: bytes = b""
    ) -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
        self.reusable = False  # until the answer has been read to its end
        self.requests += 1
        lines = (f"{method} {path} HTTP/1.1", "host: shelf", f"content-length: {len(body)}", "", "")
        self._writer.write("\r\n".join(lines).encode("ascii") + body)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.rstrip().split("\r\n")
        _, status, reason = f"{first} ".split(" ", 2)
        pairs = (line.partition(":") for line in rest)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return int(status), reason.strip(), headers

    async def receive(self, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await self._reader.readline(), 16):
                yield await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            await self._reader.readexactly(2)
        else:
            left = int(headers.get("content-length", "0"))
            while left:
                chunk = await self._reader.read(min(left, CHUNK))
                if not chunk:
                    raise ConnectionError("the server has hung up in the middle of an answer")
                left -= len(chunk)
                yield chunk
        self.reusable = headers.get("connection", "").lower() != "close"


class AsyncBook:
    """A book on the shelf."""

    def __init__(self, client: "Client", data: JsonObject) -> None:
        self.client = client
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
        self._data = (await self.client.request("GET", f"/books/{self.number}")).json()
        return self

    async def rename(self, title: str) -> Self:
        """Give it another title."""
        path, body = f"/books/{self.number}", json.dumps({"title": title}).encode()
        self._data = (await self.client.request("PUT", path, body)).json()
        return self

    async def remove(self) -> None:
        """Take it off the shelf."""
        await self.client.request("DELETE", f"/books/{self.number}")

    async def read(self) -> str:
        """All of its text."""
        chunks = [chunk async for chunk in self.stream()]
        return b"".join(chunks).decode()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
        async with self.client.connection() as connection:
            status, reason, headers = await connection.send("GET", f"/books/{self.number}/text")
            async for chunk in connection.receive(headers):
                yield chunk
            if status >= 400:
                raise ShelfError(status, reason)

    async def is_by_same_client_as(self, other: "AsyncBook") -> bool:
        """Whether another book was got from the same client."""
        return self.client is other.client

    def __repr__(self) -> str:
        return f"<Book {self.number}: {self.title}>"


@manager.synced
class Client:
    """Talks to a shelf. Use it in a `with` block, or close it.

    Args:
        url: Where the shelf is.
        retries: How often a request is tried again that has met a broken connection, or a server
            that is busy.
        pause: How many seconds to wait before the first of these; each next one waits longer.
        pool_size: How many connections are kept when nobody uses them.
    """

    def __init__(
        self, url: str, *, retries: int = 3, pause: float = 0.02, pool_size: int = 4
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"expected an http:// address, got {url!r}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._idle: list[AsyncConnection] = []
        self.retries = retries
        self.pause = pause
        self.pool_size = pool_size
        self.closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. A client that is closed takes no more requests."""
        self.closed = True
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection for the length of a block, from the pool if it has one."""
        if self.closed:
            raise RuntimeError("the client is closed; make another one")
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = await AsyncConnection.open(self._host, self._port)
        try:
            yield connection
        finally:
            if connection.reusable and not self.closed and len(self._idle) < self.pool_size:
                self._idle.append(connection)
            else:
                await connection.close()

    async def request(self, method: Method, path: str, body: bytes = b"") -> Response:
        """Send a request, again if the connection breaks or the server is busy.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
        for attempt in range(self.retries + 1):
            is_last = attempt == self.retries
            try:
                async with self.connection() as connection:
                    response = await connection.request(method, path, body)
            except (OSError, asyncio.IncompleteReadError):
                if is_last:
                    raise
            else:
                if response.status != 503 or is_last:
                    response.raise_for_status()
                    return response
            await asyncio.sleep(self.pause * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("the last attempt returns or raises")

    async def book(self, number: int) -> AsyncBook:
        """Find a book by its number."""
        return AsyncBook(self, (await self.request("GET", f"/books/{number}")).json())

    async def add(self, title: str, text: str = "") -> AsyncBook:
        """Put a book on the shelf."""
        body = json.dumps({"title": title, "text": text}).encode()
        return AsyncBook(self, (await self.request("POST", "/books", body)).json())

    async def books(
        self, *, containing: str = "", page_size: int = 20
    ) -> AsyncGenerator[AsyncBook, None]:
        """All books, or those with a word in their titles; pages are fetched as they are needed."""
        query = urlencode({"containing": containing, "size": page_size}, quote_via=quote)
        following: int | None = 0
        while following is not None:
            answer = await self.request("GET", f"/books?{query}&after={following}")
            page: JsonObject = answer.json()
            for data in page["books"]:
                yield AsyncBook(self, data)
            following = page["next"]

    def __aiter__(self) -> AsyncGenerator[AsyncBook, None]:
        return self.books()

    @property
    async def count(self) -> int:
        """How many books there are."""
        return int((await self.request("GET", "/count")).json())

    async def first_of_each(self, *words: str) -> dict[str, AsyncBook | None]:
        """The first book with each of these words in its title; all are looked for at once."""

        async def first(word: str) -> AsyncBook | None:
            return await anext(self.books(containing=word, page_size=1), None)

        found = await asyncio.gather(*(first(word) for word in words))
        return dict(zip(words, found, strict=True))


Connection = manager.synced(AsyncConnection)
Book = manager.synced(AsyncBook)
