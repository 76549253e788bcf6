# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""Books, and the resource that has them: `client.books`."""
from abc import ABCMeta
from shelf.page import Page
from shelf.reviews import Reviews
from shelf.transport import Transport
from sideloop import AsyncOriginal, SyncGenerator
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from typing_extensions import Self
from shelf._manager import manager as manager
from shelf.errors import error_of as error_of
from shelf.message import Request as Request
from shelf.page import AsyncPage as AsyncPage
from shelf.reviews import AsyncReviews as AsyncReviews
from shelf.transport import AsyncTransport as AsyncTransport
JsonObject = dict[str, Any]
Progress = Callable[[int], Awaitable[None]]
"""Hears how many bytes there are so far."""

class AsyncBook:
    """A book on the shelf."""
    client: AsyncTransport
    reviews: AsyncReviews
    _data: JsonObject
    def __init__(self, client: AsyncTransport, data: JsonObject) -> None: ...
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
    async def read(self, progress: Progress | None=None) -> str:
        """All of its text; a function may hear how it goes."""
    def stream(self) -> AsyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
    async def is_by_same_client_as(self, other: 'AsyncBook') -> bool:
        """Whether another book was got from the same client."""
    def __repr__(self) -> str: ...

class AsyncBooks:
    """All books. Iterate over it, or ask for some of them."""
    _client: AsyncTransport
    page_size: int
    """How many come at once, unless that is said."""
    def __init__(self, client: AsyncTransport) -> None: ...
    async def get(self, number: int) -> AsyncBook:
        """Find a book by its number."""
    async def add(self, title: str, text: str='') -> AsyncBook:
        """Put a book on the shelf."""
    async def list(self, *, containing: str='', page_size: int | None=None) -> AsyncPage[AsyncBook]:
        """The first page of all books, or of those with a word in their titles."""
    async def _page(self, containing: str, size: int, after: int) -> AsyncPage[AsyncBook]: ...
    def __aiter__(self) -> AsyncGenerator[AsyncBook, None]: ...
    @property
    async def count(self) -> int:
        """How many there are."""
    async def first_of_each(self, *words: str) -> dict[str, AsyncBook | None]:
        """The first book with each of these words in its title; all are looked for at once."""

class Book(metaclass=ABCMeta):
    """A book on the shelf."""
    client: Transport
    reviews: Reviews
    def __init__(self, client: Transport, data: JsonObject) -> None: ...
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
    def read(self, progress: Callable[[int], None | Awaitable[None]] | None=None) -> str:
        """All of its text; a function may hear how it goes."""
    def stream(self) -> SyncGenerator[bytes, None]:
        """Its text, piece by piece, over a connection that is kept for it until the end."""
    def is_by_same_client_as(self, other: Book) -> bool:
        """Whether another book was got from the same client."""
    def __repr__(self) -> str: ...
    @AsyncOriginal
    def aio(self) -> AsyncBook: ...

class Books(metaclass=ABCMeta):
    """All books. Iterate over it, or ask for some of them."""
    page_size: int
    """How many come at once, unless that is said."""
    def __init__(self, client: Transport) -> None: ...
    def get(self, number: int) -> Book:
        """Find a book by its number."""
    def add(self, title: str, text: str='') -> Book:
        """Put a book on the shelf."""
    def list(self, *, containing: str='', page_size: int | None=None) -> Page[Book]:
        """The first page of all books, or of those with a word in their titles."""
    def __iter__(self) -> SyncGenerator[Book, None]: ...
    @property
    def count(self) -> int:
        """How many there are."""
    def first_of_each(self, *words: str) -> dict[str, Book | None]:
        """The first book with each of these words in its title; all are looked for at once."""
    @AsyncOriginal
    def aio(self) -> AsyncBooks: ...
