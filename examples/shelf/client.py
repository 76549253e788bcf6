"""The client: what users of the library begin with."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from shelf._manager import manager
from shelf.auth import AsyncAuth
from shelf.books import AsyncBooks
from shelf.message import Request
from shelf.transport import AsyncTransport


@dataclass(frozen=True)
class Event:
    """Something that has happened to a book."""

    number: int
    kind: Literal["added", "renamed", "removed"]
    book: int


Watcher = Callable[[Event], Awaitable[bool]]
"""Hears of an event, and says whether to go on."""


class AsyncClient(AsyncTransport):
    """Talks to a shelf: `client.books` has the books."""

    def __init__(self, url: str, *, auth: AsyncAuth | None = None) -> None:
        super().__init__(url, auth=auth)
        self.books: AsyncBooks = AsyncBooks(self)

    async def issue_token(self, name: str) -> str:
        """Ask the server for a token. It gets old after some requests."""
        body = json.dumps({"name": name}).encode()
        return str((await self.request(Request("POST", "/tokens", body))).json())

    async def events(self, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """What has happened since an event, and then what happens, as it does."""
        request = await self.signed(Request("GET", f"/events?after={after}"))
        async with self.connection() as connection:
            _, _, headers = await connection.send(request)
            async for line in connection.receive(headers):
                yield Event(**json.loads(line))

    async def watch(self, watcher: Watcher, *, after: int = 0) -> int:
        """Have a function hear of each event until it has heard enough; the number of the last."""
        async for event in self.events(after=after):
            after = event.number
            if not await watcher(event):
                break
        return after


Client = manager.synced(AsyncClient)
