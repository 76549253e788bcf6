# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
from shelf.auth import Auth
from shelf.books import Books
from shelf.transport import Transport
from sideloop import AsyncOriginal, SyncGenerator
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from shelf._manager import manager as manager
from shelf.auth import AsyncAuth as AsyncAuth
from shelf.books import AsyncBooks as AsyncBooks
from shelf.message import Request as Request
from shelf.transport import AsyncTransport as AsyncTransport
from typing import Literal

@dataclass(frozen=True)
class Event:
    number: int
    kind: Literal['added', 'renamed', 'removed']
    book: int
Watcher = Callable[[Event], Awaitable[bool]]

class AsyncClient(AsyncTransport):
    books: AsyncBooks
    def __init__(self, url: str, *, auth: AsyncAuth | None=None) -> None: ...
    async def issue_token(self, name: str) -> str: ...
    def events(self, *, after: int=0) -> AsyncGenerator[Event, None]: ...
    async def watch(self, watcher: Watcher, *, after: int=0) -> int: ...

class Client(Transport):
    books: Books
    def __init__(self, url: str, *, auth: Auth | None=None) -> None: ...
    def issue_token(self, name: str) -> str: ...
    def events(self, *, after: int=0) -> SyncGenerator[Event, None]: ...
    def watch(self, watcher: Callable[[Event], bool | Awaitable[bool]], *, after: int=0) -> int: ...
    @AsyncOriginal
    def aio(self) -> AsyncClient: ...
