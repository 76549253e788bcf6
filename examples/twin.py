"""A sync program on a client library that was written once, async.

`shelf` is such a library: `shelf/client.py` and the modules beside it are async code, and what
makes the sync library are calls of `synced`. The program starts a server that stumbles now and
then, and uses the twins; then the async originals, for the same answers. It needs aiohttp. Run it
with `python examples/twin.py`.
"""

import asyncio
import dataclasses

from shelf import AsyncClient, Auth, Client, Event, NotFoundError, Request, Response
from shelf.server import Shelf, serve

import sideloop


class Named(Client):
    """A user's own client: async code sees what a sync class overrides, and what it sets."""

    retries = 5

    def prepare(self, request: Request) -> Request:
        """Say who it is, with each request."""
        return dataclasses.replace(request, headers={**request.headers, "user-agent": "twin"})


class Renewed(Auth):
    """A user's own way to show who is asking: a sync method in place of an abstract async one."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def token(self, refused: str | None) -> str:  # noqa: ARG002  # any other will do
        """Ask for a token. That is a call of a twin, while the async code waits for this one."""
        return self._client.issue_token("twin")


def use(url: str, shelf: Shelf) -> list[str]:
    """What a sync program does with it: not an `await` in sight."""
    titles: list[str] = []
    statuses: set[int] = set()
    with Client(url) as anonymous, Named(url, auth=Renewed(anonymous)) as client:

        @client.on_response
        def note(response: Response) -> None:
            statuses.add(response.status)

        print(f"{client.books.count} books")

        # Pages that nobody asks for are not fetched.
        page = client.books.list(containing="snake", page_size=3)
        print(f"{page!r}, then {page.next()!r}")
        for book in page:
            if book.number > 10:
                break
            print(f"  {book.number:3} {book.title}")

        book = client.books.add("Sync and Sound", text="once upon a time")
        print(f"added {book!r}: {book.words} words")
        print(f"renamed to {book.rename('Sound and Sync').title!r}")
        book.reviews.add(5, "short")
        book.reviews.add(4)
        print(f"{book.reviews.average} stars, first {book.reviews.list()[0]}")

        # Results are twins, and one object has one twin.
        assert book.client is client

        read: list[int] = []
        assert book.read(progress=read.append) == "once upon a time"
        print(f"read {read} bytes")

        with client.connection() as connection:
            request = client.signed(Request("GET", f"/books/{book.number}/text"))
            status, _, headers = connection.send(request)
            text = b"".join(connection.receive(headers)).decode()
            print(f"by hand: {status}, {text!r}")

        book.remove()
        try:
            book.refresh()
        except NotFoundError as error:
            print(f"after its removal: {error}")

        def tell(event: Event) -> bool:
            print(f"event {event.number}: book {event.book} was {event.kind}")
            return event.kind != "removed"

        client.watch(tell)
        titles.extend(book.title for book in client.books)
    assert statuses == {200, 201, 401, 404, 503}, statuses  # tokens got old, and were renewed
    assert "twin" in shelf.user_agents
    return titles


async def use_async(url: str) -> list[str]:
    """The same library, for async users."""
    async with AsyncClient(url) as client:
        return [book.title async for book in client.books]


def main() -> None:
    """Serve, use, compare."""
    closed, open_to_all = Shelf(key="secret"), Shelf()
    titles: list[str] = []
    with sideloop.timeout(60):
        with sideloop.enter(serve(closed)) as url:
            titles = use(url, closed)
        with sideloop.enter(serve(open_to_all)) as url:
            assert titles == asyncio.run(use_async(url))
        print(f"{len(titles)} titles, sync and async alike")


if __name__ == "__main__":
    main()
