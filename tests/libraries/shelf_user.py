"""A sync user's code on the SDK of the examples: what type checkers see of its published stubs."""

from collections.abc import Awaitable, Callable, Iterator

from shelf import (
    ApiKey,
    AsyncBook,
    AsyncClient,
    Auth,
    Book,
    Books,
    Client,
    Event,
    Page,
    Request,
    Response,
    Review,
    Reviews,
    ShelfError,
)
from typing_extensions import assert_type

from sideloop import SyncGenerator


class Own(Client):
    """Overrides what is async in the library by plain methods."""

    retries = 5

    def prepare(self, request: Request) -> Request:
        """Change what is sent."""
        return super().prepare(request)


class Renewed(Auth):
    """Implements an abstract method."""

    def token(self, refused: str | None) -> str:
        """A token."""
        return refused or "first"


def use(url: str) -> Iterator[str]:
    """Each kind of thing that the library has."""
    with Own(url, auth=Renewed()) as client:
        assert_type(client, Own)
        assert_type(client.retries, int)
        assert_type(client.auth, Auth | None)

        # Resources, and what they hand out.
        assert_type(client.books, Books)
        assert_type(client.books.count, int)
        assert_type(client.books.get(1), Book)
        assert_type(client.books.add("a").rename("b").words, int)
        assert_type(client.books.get(1).reviews, Reviews)
        assert_type(client.books.get(1).reviews.add(5), Review)
        assert_type(client.books.get(1).reviews.list(), tuple[Review, ...])
        assert_type(client.books.get(1).reviews.average, float | None)
        assert_type(client.books.first_of_each("a"), dict[str, Book | None])

        # Pagination.
        page = client.books.list(containing="a", page_size=2)
        assert_type(page, Page[Book])
        assert_type(page.next(), Page[Book])
        assert_type(page.items, list[Book])
        assert_type([book.title for book in page], list[str])
        yield from (book.title for book in client.books)

        # Streaming.
        assert_type(client.books.get(1).stream(), SyncGenerator[bytes, None])
        assert_type(client.events(after=2), SyncGenerator[Event, None])
        with client.connection() as connection:
            assert_type(connection.send(Request("GET", "/")), tuple[int, str, dict[str, str]])
            assert_type(b"".join(connection.receive({})), bytes)

        # Hooks and callbacks: plain functions.
        @client.on_response
        def note(response: Response) -> None:
            print(response.status)

        read: list[int] = []
        assert_type(client.books.get(1).read(progress=read.append), str)
        assert_type(client.watch(lambda event: event.kind == "added"), int)

        # An error is the one that async users catch.
        try:
            client.books.get(0)
        except ShelfError as error:
            assert_type(error.status, int)


def with_key(url: str) -> Client:
    """Whose key may be read."""
    auth = ApiKey("secret")
    assert_type(auth.key, str)
    return Client(url, auth=auth)


async def use_async(url: str) -> None:
    """The originals, under their own names and at `aio`."""
    async with AsyncClient(url) as client:
        assert_type(await client.books.get(1), AsyncBook)
    assert_type(Client.aio, type[AsyncClient])


watcher: Callable[[Event], bool | Awaitable[bool]] = lambda event: event.book > 1  # noqa: E731
