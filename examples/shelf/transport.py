"""The way to the server and back: connections, retries, who is asking, and who hears of it."""

import asyncio
import dataclasses
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from typing_extensions import Self

from shelf._manager import manager
from shelf.auth import AsyncAuth
from shelf.connection import AsyncConnection
from shelf.message import Request, Response

Handler = Callable[[Response], Awaitable[None]]
"""Hears of a response. A sync user passes a plain function."""


class AsyncTransport:
    """Sends requests. Use it in a `with` block, or close it.

    Args:
        url: Where the server is.
        auth: Who is asking, if the server wants to know.
    """

    retries = 3
    """How often a request is tried again that has met a broken connection, or a busy server."""

    pause = 0.02
    """How many seconds to wait before the first of these; each next one waits longer."""

    pool_size = 4
    """How many connections are kept when nobody uses them."""

    def __init__(self, url: str, *, auth: AsyncAuth | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"expected an http:// address, got {url!r}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._idle: list[AsyncConnection] = []
        self._handlers: list[Handler] = []
        self._token: str | None = None
        self._refused: str | None = None
        self.auth = auth
        self.closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. What is closed takes no more requests."""
        self.closed = True
        while self._idle:
            await self._idle.pop().close()

    def on_response(self, handler: Handler) -> Handler:
        """Have a function hear of each response. Also a decorator."""
        self._handlers.append(handler)
        return handler

    async def prepare(self, request: Request) -> Request:
        """What is sent in place of a request: a place to override."""
        return request

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

    async def request(self, request: Request) -> Response:
        """Send a request, again if the connection breaks, the server is busy or the token is old.

        Raises:
            ShelfError: The server has refused it.
            OSError: There is no connection to the server.
        """
        for attempt in range(self.retries + 1):
            is_last = attempt == self.retries
            try:
                response = await self._with_new_token(request)
            except (OSError, asyncio.IncompleteReadError):
                if is_last:
                    raise
            else:
                if response.status != 503 or is_last:
                    response.raise_for_status()
                    return response
            await asyncio.sleep(self.pause * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("the last attempt returns or raises")

    async def _with_new_token(self, request: Request) -> Response:
        response = await self._once(request)
        if response.status == 401 and self.auth is not None:
            self._refused, self._token = self._token, None
            response = await self._once(request)
        return response

    async def _once(self, request: Request) -> Response:
        sent = await self.prepare(await self.signed(request))
        async with self.connection() as connection:
            response = await connection.request(sent)
        for handler in self._handlers:
            await handler(response)
        return response

    async def signed(self, request: Request) -> Request:
        """The request, with a token that says who is asking."""
        if self.auth is None:
            return request
        if self._token is None:
            self._token = await self.auth.token(self._refused)
        headers = {**request.headers, "authorization": f"Bearer {self._token}"}
        return dataclasses.replace(request, headers=headers)


Transport = manager.synced(AsyncTransport)
