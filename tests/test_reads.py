"""What it takes to read an attribute of a twin."""

from collections.abc import Callable
from typing import Any

import pytest
from steps import codes_called

from sideloop import LoopManager


class AsyncBooks:
    async def get(self) -> int:
        return 1


class AsyncClient:
    def __init__(self) -> None:
        self.url = "url"
        self.books = AsyncBooks()

    async def close(self) -> None: ...


def calls_of(read: Callable[[], Any]) -> int:
    """How many functions written in Python are called, in all."""
    return len(codes_called(read))


class TestReading:
    @pytest.mark.parametrize("deep", [False, True])
    def test_an_object_that_has_a_twin_takes_few_steps(
        self, manager: LoopManager, deep: bool
    ) -> None:
        client: Any = manager.synced(AsyncClient, deep=deep)()
        kept = None if deep else manager.synced(AsyncBooks)
        books = client.books
        assert client.books is books
        assert calls_of(lambda: client.url) <= 8
        assert calls_of(lambda: client.books) <= 15
        del books
        assert calls_of(lambda: client.books) <= 40
        del kept  # collected before, it would be made anew
