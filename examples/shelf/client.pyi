# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""An HTTP client over asyncio streams: pagination, a connection pool, streaming, retries.

All of it is async code. What makes the library of sync users are the three calls of `synced`:
`Client`, `Book` and `Connection` are sync, and their async originals are at `aio`. The types of all
that are in `client.pyi`, which `python -m sideloop stubs shelf` writes.
"""
from sideloop import AsyncOriginal, SyncContextManager, SyncGenerator
import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from typing_extensions import Self
from sideloop import LoopManager
Method = Literal['DELETE', 'GET', 'POST', 'PUT']
JsonObject = dict[str, Any]
CHUNK: int
manager: LoopManager

class ShelfError(Exception):
    """The server has refused a request."""
    status: int
    reason: str
    def __init__(self, status: int, reason: str) -> None: ...

@dataclass(frozen=True)
class Response:
    """An answer, with all of its body."""
    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    def json(self) -> Any:
        """The body, as what it stands for."""
    def raise_for_status(self) -> None:
        """Raise a ShelfError unless the server has done what was asked for."""

class AsyncConnection:
    """One connection to the server, for one request at a time."""
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    requests: int
    reusable: bool
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
    async def close(self) -> None:
        """Disconnect."""
    async def request(self, method: Method, path: str, body: bytes=b'') -> Response:
        """Send a request and read all of the answer."""
    async def send(self, method: Method, path: str, body: bytes=b'') -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
    def receive(self, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""

class AsyncBook:
    """A book on the shelf."""
    client: '_AsyncClient'
    _data: JsonObject
    def __init__(self, client: '_AsyncClient', data: JsonObject) -> None: ...
    @property
    def number(self) -> int:
        """What the shelf knows it by."""
    @property
    def title(self) -> str:
        """What is on its cover."""
    @property
    async def words(self) -> int:
        """How long it is, counted by reading it."""
    async def refresh(self) -> Self:
        """Look again what the shelf says of it."""
    async def rename(self, title: str) -> Self:
        """Give it another title."""
    async def remove(self) -> None:
        """Take it off the shelf."""
    async def read(self) -> str:
        """All of its text."""
    def stream(self) -> AsyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
    async def is_by_same_client_as(self, other: 'AsyncBook') -> bool:
        """Whether another book was got from the same client."""
    def __repr__(self) -> str: ...

class _AsyncClient:
    """Talks to a shelf. Use it in a `with` block, or close it.

    Args:
        url: Where the shelf is.
        retries: How often a request is tried again that has met a broken connection, or a server
            that is busy.
        pause: How many seconds to wait before the first of these; each next one waits longer.
        pool_size: How many connections are kept when nobody uses them.
    """
    _host: str
    _port: int
    _idle: list[AsyncConnection]
    retries: int
    pause: float
    pool_size: int
    closed: bool
    def __init__(self, url: str, *, retries: int=3, pause: float=0.02, pool_size: int=4) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...
    async def close(self) -> None:
        """Close all connections. A client that is closed takes no more requests."""
    @asynccontextmanager
    def connection(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection for the length of a block, from the pool if it has one."""
    async def request(self, method: Method, path: str, body: bytes=b'') -> Response:
        """Send a request, again if the connection breaks or the server is busy.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
    async def book(self, number: int) -> AsyncBook:
        """Find a book by its number."""
    async def add(self, title: str, text: str='') -> AsyncBook:
        """Put a book on the shelf."""
    def books(self, *, containing: str='', page_size: int=20) -> AsyncGenerator[AsyncBook, None]:
        """All books, or those with a word in their titles; pages are fetched as they are needed."""
    def __aiter__(self) -> AsyncGenerator[AsyncBook, None]: ...
    @property
    async def count(self) -> int:
        """How many books there are."""
    async def first_of_each(self, *words: str) -> dict[str, AsyncBook | None]:
        """The first book with each of these words in its title; all are looked for at once."""

class Client:
    """Talks to a shelf. Use it in a `with` block, or close it.

    Args:
        url: Where the shelf is.
        retries: How often a request is tried again that has met a broken connection, or a server
            that is busy.
        pause: How many seconds to wait before the first of these; each next one waits longer.
        pool_size: How many connections are kept when nobody uses them.
    """
    retries: int
    pause: float
    pool_size: int
    closed: bool
    def __init__(self, url: str, *, retries: int=3, pause: float=0.02, pool_size: int=4) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def close(self) -> None:
        """Close all connections. A client that is closed takes no more requests."""
    def connection(self) -> SyncContextManager[Connection]:
        """A connection for the length of a block, from the pool if it has one."""
    def request(self, method: Method, path: str, body: bytes=b'') -> Response:
        """Send a request, again if the connection breaks or the server is busy.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
    def book(self, number: int) -> Book:
        """Find a book by its number."""
    def add(self, title: str, text: str='') -> Book:
        """Put a book on the shelf."""
    def books(self, *, containing: str='', page_size: int=20) -> SyncGenerator[Book, None]:
        """All books, or those with a word in their titles; pages are fetched as they are needed."""
    def __iter__(self) -> SyncGenerator[Book, None]: ...
    @property
    def count(self) -> int:
        """How many books there are."""
    def first_of_each(self, *words: str) -> dict[str, Book | None]:
        """The first book with each of these words in its title; all are looked for at once."""
    @AsyncOriginal
    def aio(self) -> _AsyncClient: ...

class Connection:
    """One connection to the server, for one request at a time."""
    requests: int
    reusable: bool
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
    @classmethod
    def open(cls, host: str, port: int) -> Self:
        """Connect."""
    def close(self) -> None:
        """Disconnect."""
    def request(self, method: Method, path: str, body: bytes=b'') -> Response:
        """Send a request and read all of the answer."""
    def send(self, method: Method, path: str, body: bytes=b'') -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
    def receive(self, headers: dict[str, str]) -> SyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""
    @AsyncOriginal
    def aio(self) -> AsyncConnection: ...

class Book:
    """A book on the shelf."""
    client: Client
    def __init__(self, client: Client, data: JsonObject) -> None: ...
    @property
    def number(self) -> int:
        """What the shelf knows it by."""
    @property
    def title(self) -> str:
        """What is on its cover."""
    @property
    def words(self) -> int:
        """How long it is, counted by reading it."""
    def refresh(self) -> Self:
        """Look again what the shelf says of it."""
    def rename(self, title: str) -> Self:
        """Give it another title."""
    def remove(self) -> None:
        """Take it off the shelf."""
    def read(self) -> str:
        """All of its text."""
    def stream(self) -> SyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
    def is_by_same_client_as(self, other: Book) -> bool:
        """Whether another book was got from the same client."""
    def __repr__(self) -> str: ...
    @AsyncOriginal
    def aio(self) -> AsyncBook: ...
