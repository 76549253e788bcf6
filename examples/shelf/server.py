"""The shelf itself: an aiohttp server, with its books in memory."""

import contextlib
import itertools
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web

TITLES = ("The Rust of the North", "A Snake at Noon", "Loops and Knots", "The Rusty Snake")


class Shelf:
    """Holds the books. Every fourth request finds it busy, every seventh loses its connection."""

    def __init__(self) -> None:
        self.books: dict[int, dict[str, Any]] = {}
        self.requests = 0
        self._numbers = itertools.count(1)
        for number in range(100):
            self.put(f"{TITLES[number % len(TITLES)]}, part {number // len(TITLES) + 1}")

    def put(self, title: str, text: str = "") -> dict[str, Any]:
        """Put a book on it."""
        number = next(self._numbers)
        words = text or f"{title} " * 1000
        self.books[number] = {"number": number, "title": title, "text": words}
        return self.books[number]

    @web.middleware
    async def stumble(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Fail now and then, before anything is done."""
        self.requests += 1
        if not request.path.endswith("/text"):
            if self.requests % 4 == 0:
                return web.Response(status=503)
            if self.requests % 7 == 0 and request.transport is not None:
                request.transport.close()
                return web.Response()
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
        return web.json_response(_card(self.put(data["title"], data["text"])), status=201)

    async def find(self, request: web.Request) -> web.Response:
        """One book."""
        return web.json_response(_card(self._book(request)))

    async def rename(self, request: web.Request) -> web.Response:
        """Change its title."""
        book = self._book(request)
        book["title"] = (await request.json())["title"]
        return web.json_response(_card(book))

    async def remove(self, request: web.Request) -> web.Response:
        """Take it off."""
        del self.books[self._book(request)["number"]]
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
            web.get("/count", shelf.count),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
