"""Objects that are not async and lead to what is, and async ones derived from sync ones."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sideloop import LoopManager


class SyncPages:
    """As of a sync library, from which an async one derives its classes."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __iter__(self) -> Iterator[int]:
        for number in range(3):
            yield self.client.fetch(number)


class AsyncPages(SyncPages):
    async def __aiter__(self) -> AsyncIterator[int]:
        for number in range(3):
            yield await self.client.fetch(number)


class SyncBlock:
    def __enter__(self) -> str:
        return "sync"

    def __exit__(self, *error: object) -> None: ...


class AsyncBlock(SyncBlock):
    async def __aenter__(self) -> str:
        return "async"

    async def __aexit__(self, *error: object) -> None: ...


class Paginator:
    """Nothing async in it, but the class of what it makes."""

    PAGES: type[SyncPages] = SyncPages

    def __init__(self, client: Any) -> None:
        self.client = client

    def paginate(self) -> Any:
        return self.PAGES(self.client)


class AsyncPaginator(Paginator):
    PAGES = AsyncPages


class Answer:
    """Says what its property returns."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client
        self.text = "answer"

    @property
    def pages(self) -> AsyncPages:
        return AsyncPages(self._client)


class Record:
    """Leads nowhere."""


class AsyncClient:
    async def fetch(self, number: int) -> int:
        return number * 2

    def paginator(self) -> Any:
        return AsyncPaginator(self)

    async def fetched_paginator(self) -> Any:
        return AsyncPaginator(self)

    async def answers(self) -> list[Any]:
        return [Answer(self), Record()]

    def pages(self) -> Any:
        return AsyncPages(self)

    def block(self) -> Any:
        return AsyncBlock()


@pytest.fixture
def client(manager: LoopManager) -> Any:
    return manager.synced(AsyncClient, deep=True)()


class TestAnObjectThatLeadsToWhatIsAsync:
    def test_has_a_twin_where_a_def_returns_it(self, client: Any) -> None:
        assert list(client.paginator().paginate()) == [0, 2, 4]

    def test_has_one_where_an_async_def_does(self, client: Any) -> None:
        assert list(client.fetched_paginator().paginate()) == [0, 2, 4]

    def test_has_one_inside_of_values(self, client: Any) -> None:
        answer, record = client.answers()
        assert (list(answer.pages), answer.text) == ([0, 2, 4], "answer")
        assert type(record) is Record

    def test_is_as_it_is_where_nobody_has_asked_for_twins(self, manager: LoopManager) -> None:
        plain = manager.synced(AsyncClient)()
        assert type(plain.paginator()) is AsyncPaginator
        assert type(plain.answers()[0]) is Answer


class TestAnAsyncObjectDerivedFromASyncOne:
    """What it has inherited would call its async methods, and wait for none of them."""

    def test_is_iterated_as_async_code_does(self, client: Any) -> None:
        assert list(client.pages()) == [0, 2, 4]

    def test_is_entered_as_async_code_does(self, client: Any) -> None:
        with client.block() as entered:
            assert entered == "async"

    def test_is_as_it_is_if_it_has_both_itself(self, manager: LoopManager) -> None:
        class Both(AsyncBlock):
            def __enter__(self) -> str:
                return "own"

        class AsyncMaker:
            async def make(self) -> Any:
                return Both()

        made = manager.synced(AsyncMaker, deep=True)().make()
        assert type(made) is Both
        with made as entered:
            assert entered == "own"
