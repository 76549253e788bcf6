# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""The client: what users of the library begin with."""
from shelf.auth import Auth
from shelf.books import Books
from shelf.transport import Transport
from sideloop import AsyncOriginal, SyncGenerator
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from shelf._manager import manager as manager
from shelf.auth import AsyncAuth as AsyncAuth
from shelf.books import AsyncBooks as AsyncBooks
from shelf.message import Request as Request
from shelf.transport import AsyncTransport as AsyncTransport

@dataclass(frozen=True)
class Event:
    """Something that has happened to a book."""
    number: int
    kind: Literal['added', 'renamed', 'removed']
    book: int
Watcher = Callable[[Event], Awaitable[bool]]
"""Hears of an event, and says whether to go on."""

class AsyncClient(AsyncTransport):
    """Talks to a shelf: `client.books` has the books."""
    books: AsyncBooks
    def __init__(self, url: str, *, auth: AsyncAuth | None=None) -> None: ...
    async def issue_token(self, name: str) -> str:
        """Ask the server for a token. It gets old after some requests."""
    def events(self, *, after: int=0) -> AsyncGenerator[Event, None]:
        """What has happened since an event, and then what happens, as it does."""
    async def watch(self, watcher: Watcher, *, after: int=0) -> int:
        """Have a function hear of each event until it has heard enough; the number of the last."""

class Client(Transport):
    """Talks to a shelf: `client.books` has the books."""
    books: Books
    def __init__(self, url: str, *, auth: Auth | None=None) -> None: ...
    def issue_token(self, name: str) -> str:
        """Ask the server for a token. It gets old after some requests."""
    def events(self, *, after: int=0) -> SyncGenerator[Event, None]:
        """What has happened since an event, and then what happens, as it does."""
    def watch(self, watcher: Callable[[Event], bool | Awaitable[bool]], *, after: int=0) -> int:
        """Have a function hear of each event until it has heard enough; the number of the last."""
    @AsyncOriginal
    def aio(self) -> AsyncClient: ...
