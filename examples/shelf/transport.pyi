# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""The way to the server and back: connections, retries, who is asking, and who hears of it."""
from abc import ABCMeta
from shelf.auth import Auth
from shelf.connection import Connection
from sideloop import AsyncOriginal, SyncContextManager
from types import TracebackType
_H = TypeVar('_H', bound=Callable[[Response], None | Awaitable[None]])
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from typing_extensions import Self
from shelf._manager import manager as manager
from shelf.auth import AsyncAuth as AsyncAuth
from shelf.connection import AsyncConnection as AsyncConnection
from shelf.message import Request as Request, Response as Response
Handler = Callable[[Response], Awaitable[None]]
"""Hears of a response. A sync user passes a plain function."""
H = TypeVar('H', bound=Handler)

class AsyncTransport:
    """Sends requests. Use it in a `with` block, or close it.

    Args:
        url: Where the server is.
        auth: Who is asking, if the server wants to know.
    """
    _host: str
    _port: int
    _idle: list[AsyncConnection]
    _handlers: list[Handler]
    _token: str | None
    _refused: str | None
    auth: AsyncAuth | None
    closed: bool
    retries: int
    """How often a request is tried again that has met a broken connection, or a busy server."""
    pause: float
    """How many seconds to wait before the first of these; each next one waits longer."""
    pool_size: int
    """How many connections are kept when nobody uses them."""
    def __init__(self, url: str, *, auth: AsyncAuth | None=None) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...
    async def close(self) -> None:
        """Close all connections. What is closed takes no more requests."""
    def on_response(self, handler: H) -> H:
        """Have a function hear of each response. Also a decorator."""
    async def prepare(self, request: Request) -> Request:
        """What is sent in place of a request: a place to override."""
    @asynccontextmanager
    def connection(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection for the length of a block, from the pool if it has one."""
    async def request(self, request: Request) -> Response:
        """Send a request, again if the connection breaks, the server is busy or the token is old.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
    async def _with_new_token(self, request: Request) -> Response: ...
    async def _once(self, request: Request) -> Response: ...
    async def signed(self, request: Request) -> Request:
        """The request, with a token that says who is asking."""

class Transport(metaclass=ABCMeta):
    """Sends requests. Use it in a `with` block, or close it.

    Args:
        url: Where the server is.
        auth: Who is asking, if the server wants to know.
    """
    auth: Auth | None
    closed: bool
    retries: int
    """How often a request is tried again that has met a broken connection, or a busy server."""
    pause: float
    """How many seconds to wait before the first of these; each next one waits longer."""
    pool_size: int
    """How many connections are kept when nobody uses them."""
    def __init__(self, url: str, *, auth: Auth | None=None) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None: ...
    def close(self) -> None:
        """Close all connections. What is closed takes no more requests."""
    def on_response(self, handler: _H) -> _H:
        """Have a function hear of each response. Also a decorator."""
    def prepare(self, request: Request) -> Request:
        """What is sent in place of a request: a place to override."""
    def connection(self) -> SyncContextManager[Connection]:
        """A connection for the length of a block, from the pool if it has one."""
    def request(self, request: Request) -> Response:
        """Send a request, again if the connection breaks, the server is busy or the token is old.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
    def signed(self, request: Request) -> Request:
        """The request, with a token that says who is asking."""
    @AsyncOriginal
    def aio(self) -> AsyncTransport: ...
