"""A sync program on a client library that was written once, async.

`shelf` is such a library: `shelf/client.py` is async code, and its sync twin is one decorator. The
program starts a server that stumbles now and then, and uses the twin; then the async original, for
the same answers. Run it with `python examples/twin.py`. It needs aiohttp.
"""

import asyncio

from shelf import Client, ShelfError
from shelf.server import Shelf, serve

import sideloop


def use(url: str) -> list[str]:
    """What a sync program does with it: not an `await` in sight."""
    with Client(url) as client:
        print(f"{client.count} books")

        for book in client.books(containing="snake", page_size=10):
            if book.number > 10:
                break  # the pages that nobody asks for are not fetched
            print(f"  {book.number:3} {book.title}")

        book = client.add("Sync and Sound", text="once upon a time")
        print(f"added {book!r}: {book.words} words")
        print(f"renamed to {book.rename('Sound and Sync').title!r}")

        # Results are twins, and one object has one twin.
        assert book.client is client

        with client.connection() as connection:
            status, _, headers = connection.send("GET", f"/books/{book.number}/text")
            text = b"".join(connection.receive(headers)).decode()
            print(f"by hand: {status}, {text!r}")

        book.remove()
        try:
            book.refresh()
        except ShelfError as error:
            print(f"after its removal: {error}")

        return [book.title for book in client]


async def use_async(url: str) -> list[str]:
    """The same library, for async users."""
    async with Client.aio(url) as client:
        return [book.title async for book in client]


def main() -> None:
    """Serve, use, compare."""
    shelf = Shelf()
    with sideloop.enter(serve(shelf)) as url, sideloop.timeout(60):
        titles = use(url)
        assert titles == asyncio.run(use_async(url))
    print(f"{len(titles)} titles, sync and async alike, in {shelf.requests} requests")


if __name__ == "__main__":
    main()
