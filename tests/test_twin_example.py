"""The example of a twin: a real async client, its sync twin and its stub, with a real server."""

import asyncio
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
from shelf import AsyncBook, Book, Client, ShelfError
from shelf import client as shelf_client
from shelf.server import Shelf, serve
from test_typing import check

import sideloop

EXAMPLES = Path(__file__).parents[1] / "examples"

USER = """
from shelf import AsyncBook, Book, Client
from typing_extensions import assert_type

from sideloop import SyncGenerator

with Client("http://127.0.0.1", retries=1) as client:
    assert_type(client, Client)
    assert_type(client.count, int)
    assert_type(client.books(page_size=5), SyncGenerator[Book, None])
    assert_type(client.first_of_each("a"), dict[str, Book | None])
    assert_type([book.title for book in client], list[str])
    assert_type(client.add("a").rename("b").words, int)
    with client.connection() as connection:
        assert_type(b"".join(connection.receive({})), bytes)

async def use() -> None:
    async with Client.aio("http://127.0.0.1") as client:
        assert_type(await client.book(1), AsyncBook)
"""


@pytest.fixture(scope="session")
def sideloop_kept_managers() -> list[sideloop.LoopManager]:
    """The library's own one stays, as the default one does."""
    return [sideloop.loop_manager, shelf_client.manager]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def url(shelf: Shelf) -> Generator[str]:
    # On a loop of its own, since the twins' loop would be the one that they wait for.
    with sideloop.Runner(name="server") as runner, runner.enter(serve(shelf)) as url:
        yield url


class TestTheSyncTwin:
    def test_reads_writes_and_removes(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            book = client.add("A Book", text="three words long")
            assert isinstance(book, Book)
            assert (book.number, book.words, book.client) == (101, 3, client)
            assert book.rename("Another").title == shelf.books[101]["title"] == "Another"
            assert client.book(101).is_by_same_client_as(book)
            book.remove()
            with pytest.raises(ShelfError, match="404 Not Found"):
                book.refresh()

    def test_fetches_no_page_that_nobody_asks_for(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            books = client.books(page_size=10)
            assert [next(books).number for _ in range(5)] == [1, 2, 3, 4, 5]
            assert shelf.requests == 1
            assert len(list(books)) == 95

    def test_tries_again_what_the_server_has_stumbled_over(self, url: str, shelf: Shelf) -> None:
        with Client(url) as client:
            assert len(list(client.books(page_size=5))) == 100
            assert shelf.requests > 20
        with Client(url, retries=0) as hasty, pytest.raises((OSError, EOFError, ShelfError)):
            list(hasty.books(page_size=5))

    def test_keeps_connections(self, url: str) -> None:
        with Client(url) as client:
            with client.connection() as connection:
                connection.request("GET", "/count")
            with client.connection() as again:
                assert again is connection
                assert again.requests >= 1

    def test_gives_an_error_to_the_block_and_the_connection_back(self, url: str) -> None:
        with Client(url) as client:
            with pytest.raises(KeyError), client.connection() as connection:
                raise KeyError
            with client.connection() as again:
                assert again is connection

    def test_streams_and_leaves_a_stream(self, url: str) -> None:
        with Client(url) as client:
            book = client.book(1)
            with book.stream() as chunks:
                first = next(chunks)
            assert book.read().encode().startswith(first)

    def test_looks_for_many_things_at_once(self, url: str) -> None:
        with Client(url) as client:
            found = client.first_of_each("rust", "knots", "spam")
        titles = {word: book and book.title for word, book in found.items()}
        assert titles == {
            "rust": "The Rust of the North, part 1",
            "knots": "Loops and Knots, part 1",
            "spam": None,
        }

    def test_is_used_by_many_threads(self, url: str) -> None:
        with Client(url) as client:
            together = threading.Barrier(4)

            def read(number: int) -> tuple[int, Any]:
                together.wait(scaled(20))
                return client.book(number).number, client

            with ThreadPoolExecutor(4) as threads:
                read_by = list(threads.map(read, range(1, 5)))
            assert read_by == [(number, client) for number in range(1, 5)]

    def test_is_cancelled_by_a_timeout_and_usable_after(self, url: str) -> None:
        with Client(url) as client:
            with pytest.raises(TimeoutError), sideloop.timeout(0):
                client.book(1)
            assert client.book(1).number == 1

    def test_refuses_requests_when_it_is_closed(self, url: str) -> None:
        client = Client(url)
        client.close()
        assert client.closed
        with pytest.raises(RuntimeError, match="the client is closed"):
            client.book(1)


class TestTheOriginal:
    def test_works_for_async_users(self, url: str) -> None:
        async def use() -> list[int]:
            async with Client.aio(url) as client:
                assert isinstance(await client.book(1), AsyncBook)
                return [book.number async for book in client]

        assert asyncio.run(use()) == list(range(1, 101))


class TestItsStub:
    def test_is_up_to_date(self) -> None:
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
    def test_has_the_types_of_the_twin(
        self, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = tmp_path / "user.py"
        user.write_text(USER, encoding="utf-8")
        stub = EXAMPLES / "shelf" / "client.pyi"
        if tool == "mypy":
            monkeypatch.setenv("PYTHONPATH", "")
            cache = ("--cache-dir", os.devnull, "--explicit-package-bases")
            check("mypy", "--strict", *cache, user, stub, directory=EXAMPLES)
        else:
            settings = {"typeCheckingMode": "strict", "extraPaths": [str(EXAMPLES)]}
            (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
            check("pyright", "--pythonpath", sys.executable, user, stub, directory=tmp_path)
