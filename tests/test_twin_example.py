"""The SDK of the examples: an async client, its sync twins and their stubs, with a real server."""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pace import scaled
from shelf import (
    ApiKey,
    AsyncBook,
    AsyncClient,
    Auth,
    AuthError,
    Book,
    Client,
    Event,
    NotFoundError,
    Page,
    Request,
    Response,
    Review,
    ShelfError,
    _manager,
)
from shelf.server import TOKEN_LASTS, Shelf, serve
from test_typing import check

import sideloop

EXAMPLES = Path(__file__).parents[1] / "examples"

USER = Path(__file__).with_name("libraries") / "shelf_user.py"


@pytest.fixture(scope="session")
def sideloop_kept_managers() -> list[sideloop.LoopManager]:
    """The library's own one stays, as the default one does."""
    return [sideloop.loop_manager, _manager.manager]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def url(shelf: Shelf) -> Generator[str]:
    # On a loop of its own, since the twins' loop would be the one that they wait for.
    with sideloop.Runner(name="server") as runner, runner.enter(serve(shelf)) as url:
        yield url


class TestResources:
    def test_read_write_and_remove(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            book = client.books.add("A Book", text="three words long")
            assert isinstance(book, Book)
            assert (book.number, book.words, book.client) == (101, 3, client)
            assert book.rename("Another").title == shelf.books[101]["title"] == "Another"
            assert client.books.get(101).is_by_same_client_as(book)
            book.remove()
            with pytest.raises(NotFoundError, match="404 Not Found"):
                book.refresh()

    def test_hang_below_each_other(self, url: str) -> None:
        with Client(url) as client:
            reviews = client.books.get(1).reviews
            assert reviews.average is None
            assert reviews.add(5, "short") == Review(5, "short")
            reviews.add(2)
            assert client.books.get(1).reviews.list() == (Review(5, "short"), Review(2))
            assert reviews.average == 3.5

    def test_look_for_many_things_at_once(self, url: str) -> None:
        with Client(url) as client:
            found = client.books.first_of_each("rust", "knots", "spam")
        titles = {word: book and book.title for word, book in found.items()}
        assert titles == {
            "rust": "The Rust of the North, part 1",
            "knots": "Loops and Knots, part 1",
            "spam": None,
        }


class TestPagination:
    def test_fetches_no_page_that_nobody_asks_for(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            page = client.books.list(page_size=10)
            books = iter(page)
            assert [next(books).number for _ in range(5)] == [1, 2, 3, 4, 5]
            assert shelf.requests == 1
            assert len(list(books)) == 95

    def test_goes_page_by_page(self, url: str) -> None:
        with Client(url) as client:
            page = client.books.list(page_size=60)
            assert isinstance(page, Page)
            assert (len(page), page.is_last, page[0].number) == (60, False, 1)
            last = page.next()
            assert (len(last), last.is_last, last[0].number) == (40, True, 61)
            with pytest.raises(LookupError, match="the last page"):
                last.next()

    def test_is_a_for_loop_over_the_resource(self, url: str) -> None:
        with Client(url) as client:
            assert [book.number for book in client.books] == list(range(1, 101))


class TestRequests:
    def test_are_tried_again_where_the_server_has_stumbled(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            assert len(list(client.books.list(page_size=5))) == 100
            assert shelf.requests > 20

    def test_keep_connections(self, url: str) -> None:
        with Client(url) as client:
            with client.connection() as connection:
                connection.request(Request("GET", "/count"))
            with client.connection() as again:
                assert again is connection
                assert again.requests >= 1

    def test_give_an_error_to_the_block_and_the_connection_back(self, url: str) -> None:
        with Client(url) as client:
            with pytest.raises(KeyError), client.connection() as connection:
                raise KeyError
            with client.connection() as again:
                assert again is connection

    def test_stream_and_leave_a_stream(self, url: str) -> None:
        with Client(url) as client:
            book = client.books.get(1)
            with book.stream() as chunks:
                first = next(chunks)
            assert book.read().encode().startswith(first)

    def test_are_made_by_many_threads(self, url: str) -> None:
        with Client(url) as client:
            together = threading.Barrier(4)

            def read(number: int) -> tuple[int, Any]:
                together.wait(scaled(20))
                book = client.books.get(number)
                return book.number, book.client

            with ThreadPoolExecutor(4) as threads:
                read_by = list(threads.map(read, range(1, 5)))
            assert read_by == [(number, client) for number in range(1, 5)]

    def test_are_cancelled_by_a_timeout(self, url: str) -> None:
        with Client(url) as client:
            with pytest.raises(TimeoutError), sideloop.timeout(0):
                client.books.get(1)
            assert client.books.get(1).number == 1

    def test_are_refused_by_a_closed_client(self, url: str) -> None:
        client = Client(url)
        client.close()
        assert client.closed
        with pytest.raises(RuntimeError, match="the client is closed"):
            client.books.get(1)


class TestWhatUsersAdd:
    def test_an_override_changes_what_is_sent(self, url: str, shelf: Shelf) -> None:
        class Named(Client):
            def prepare(self, request: Request) -> Request:
                # It may call the client that waits for it.
                name = str(self.books.count) if request.path != "/count" else "counting"
                return dataclasses.replace(request, headers={"user-agent": name})

        with Named(url) as client:
            client.books.get(1)
        assert shelf.user_agents == {"counting", "100"}

    def test_the_library_reads_a_setting_of_a_class(self, url: str) -> None:
        class Hasty(Client):
            retries = 0

        with Hasty(url) as client, pytest.raises((OSError, EOFError, ShelfError)):
            list(client.books.list(page_size=5))

    def test_a_handler_hears_of_each_response(self, url: str) -> None:
        with Client(url) as client:
            heard: list[int] = []

            @client.on_response
            def note(response: Response) -> None:
                heard.append(response.status)

            for number in range(1, 4):
                client.books.get(number)
        assert heard == [200, 200, 200]

    def test_a_callback_hears_how_it_goes(self, url: str) -> None:
        with Client(url) as client:
            heard: list[int] = []
            text = client.books.get(1).read(progress=heard.append)
            assert heard[-1] == len(text)
            assert sorted(set(heard)) == heard

    def test_a_callback_may_call_the_client_and_ends_a_stream(self, url: str) -> None:
        with Client(url) as client:
            book = client.books.add("Seen")
            book.rename("Seen again")
            titles: list[str] = []

            def see(event: Event) -> bool:
                titles.append(client.books.get(event.book).title)
                return event.kind != "renamed"

            assert client.watch(see) == 2
            assert titles == ["Seen again", "Seen again"]


class TestAuth:
    @pytest.fixture
    def shelf(self) -> Shelf:
        return Shelf(key="secret")

    def test_is_a_key(self, url: str) -> None:
        with Client(url, auth=ApiKey("secret")) as client:
            assert client.books.get(1).number == 1
        with Client(url) as client, pytest.raises(AuthError):
            client.books.get(1)

    def test_is_a_class_of_the_users_that_may_call_a_client(self, url: str) -> None:
        class Renewed(Auth):
            def __init__(self, client: Client) -> None:
                super().__init__()
                self.client = client
                self.refused: list[str | None] = []

            def token(self, refused: str | None) -> str:
                self.refused.append(refused)
                return self.client.issue_token("user")

        with Client(url) as anonymous:
            auth = Renewed(anonymous)
            with Client(url, auth=auth) as client:
                for _ in range(TOKEN_LASTS + 1):
                    client.books.get(1)
                assert client.auth is auth
        assert auth.refused == [None, "token-0-for-user"]


class TestTheOriginals:
    def test_work_for_async_users(self, url: str) -> None:
        async def use() -> list[int]:
            async with AsyncClient(url) as client:
                assert isinstance(await client.books.get(1), AsyncBook)
                return [book.number async for book in client.books]

        assert asyncio.run(use()) == list(range(1, 101))


class TestThePublishedStubs:
    def test_are_up_to_date(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "sideloop", "stubs", "shelf", "--check"],
            cwd=EXAMPLES,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")

    @pytest.mark.parametrize("tool", ["mypy", "pyright"])
    def test_type_what_users_write(
        self, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked = (USER, EXAMPLES / "twin.py", *(EXAMPLES / "shelf").glob("*.pyi"))
        if tool == "mypy":
            monkeypatch.setenv("MYPYPATH", str(EXAMPLES))
            cache = ("--cache-dir", os.devnull, "--explicit-package-bases")
            check("mypy", "--strict", *cache, *checked, directory=EXAMPLES)
        else:
            settings = {"typeCheckingMode": "strict", "extraPaths": [str(EXAMPLES)]}
            (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
            check("pyright", "--pythonpath", sys.executable, *checked, directory=tmp_path)
