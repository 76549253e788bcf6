"""The shelf itself: an aiohttp server, with its books in memory."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web

TITLES = ("The Rust of the North", "A Snake at Noon", "Loops and Knots", "The Rusty Snake")

TOKEN_LASTS = 20
"""Requests."""


class Shelf:
    """Holds the books. Every fourth request finds it busy, every seventh loses its connection.

    Args:
        key: What shows who is asking, if that matters; so do the tokens that it gives out.
    """

    def __init__(self, key: str | None = None) -> None:
        self.books: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.requests = 0
        self.user_agents: set[str | None] = set()
        self._key = key
        self._tokens: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()
        for number in range(100):
            self.put(f"{TITLES[number % len(TITLES)]}, part {number // len(TITLES) + 1}")

    def put(self, title: str, text: str = "") -> dict[str, Any]:
        """Put a book on it."""
        number = next(self._numbers)
        words = text or f"{title} " * 1000
        self.books[number] = {"number": number, "title": title, "text": words, "reviews": []}
        return self.books[number]

    @web.middleware
    async def stumble(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Fail now and then, before anything is done."""
        self.requests += 1
        self.user_agents.add(request.headers.get("user-agent"))
        if not request.path.endswith("/text") and request.path != "/events":
            if self.requests % 4 == 0:
                return web.Response(status=503)
            if self.requests % 7 == 0 and request.transport is not None:
                request.transport.close()
                return web.Response()
        if not self._knows(request):
            return web.Response(status=401)
        response: web.StreamResponse = await handler(request)
        return response

    async def look(self, request: web.Request) -> web.Response:
        """A page of books."""
        after, size = int(request.query["after"]), int(request.query["size"])
        word = request.query["containing"].lower()
        found = [
            data
            for number, data in sorted(self.books.items())
            if number > after and word in data["title"].lower()
        ]
        page = found[:size]
        following = page[-1]["number"] if len(found) > size else None
        return web.json_response({"books": [_card(data) for data in page], "next": following})

    async def count(self, _: web.Request) -> web.Response:
        """How many there are."""
        return web.json_response(len(self.books))

    async def add(self, request: web.Request) -> web.Response:
        """Put a book on it."""
        data = await request.json()
        book = self.put(data["title"], data["text"])
        self._tell("added", book)
        return web.json_response(_card(book), status=201)

    async def find(self, request: web.Request) -> web.Response:
        """One book."""
        return web.json_response(_card(self._book(request)))

    async def rename(self, request: web.Request) -> web.Response:
        """Change its title."""
        book = self._book(request)
        book["title"] = (await request.json())["title"]
        self._tell("renamed", book)
        return web.json_response(_card(book))

    async def remove(self, request: web.Request) -> web.Response:
        """Take it off."""
        book = self._book(request)
        del self.books[book["number"]]
        self._tell("removed", book)
        return web.Response()

    async def text(self, request: web.Request) -> web.StreamResponse:
        """Its text, in chunks."""
        text = self._book(request)["text"].encode()
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(text), 1000):
            await response.write(text[start : start + 1000])
        await response.write_eof()
        return response

    async def review(self, request: web.Request) -> web.Response:
        """Add to what is said of it."""
        self._book(request)["reviews"].append(await request.json())
        return web.Response(status=201)

    async def reviews(self, request: web.Request) -> web.Response:
        """What is said of it."""
        return web.json_response(self._book(request)["reviews"])

    async def issue(self, request: web.Request) -> web.Response:
        """A token for a while."""
        token = f"token-{len(self._tokens)}-for-{(await request.json())['name']}"
        self._tokens[token] = TOKEN_LASTS
        return web.json_response(token)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """What has happened, and what happens, a line each."""
        after = int(request.query["after"])
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:
            self._news.clear()
            for event in self.events[after:]:
                await response.write(json.dumps(event).encode() + b"\n")
                after = event["number"]
            await self._news.wait()

    def _tell(self, kind: str, book: dict[str, Any]) -> None:
        event = {"number": len(self.events) + 1, "kind": kind, "book": book["number"]}
        self.events.append(event)
        self._news.set()

    def _knows(self, request: web.Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key is None or token == self._key or request.path == "/tokens":
            return True
        self._tokens[token] = self._tokens.get(token, 0) - 1
        return self._tokens[token] >= 0

    def _book(self, request: web.Request) -> dict[str, Any]:
        number = int(request.match_info["number"])
        if number not in self.books:
            raise web.HTTPNotFound
        return self.books[number]


def _card(data: dict[str, Any]) -> dict[str, Any]:
    return {"number": data["number"], "title": data["title"]}


@contextlib.asynccontextmanager
async def serve(shelf: Shelf) -> AsyncGenerator[str, None]:
    """Serve a shelf on a free port of this machine, and yield where."""
    app = web.Application(middlewares=[shelf.stumble])
    app.add_routes(
        [
            web.get("/books", shelf.look),
            web.post("/books", shelf.add),
            web.get("/books/{number}", shelf.find),
            web.put("/books/{number}", shelf.rename),
            web.delete("/books/{number}", shelf.remove),
            web.get("/books/{number}/text", shelf.text),
            web.get("/books/{number}/reviews", shelf.reviews),
            web.post("/books/{number}/reviews", shelf.review),
            web.get("/count", shelf.count),
            web.get("/events", shelf.watch),
            web.post("/tokens", shelf.issue),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
