"""Annotations that are evaluated late, since CPython 3.14: their names may mean nothing then."""

import asyncio
import inspect
import sys
import types
from typing import Any

import pytest

import sideloop
from sideloop import synced

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="new in CPython 3.14")

SOURCE = """
import asyncio, contextlib, typing
from collections.abc import AsyncIterator, Awaitable, Callable

if typing.TYPE_CHECKING:
    from of_checkers_alone import Other

async def answer(one: Other) -> Other:
    return one

async def items(one: Other) -> AsyncIterator[Other]:
    yield one

def awaited(one: Other) -> Awaitable[Other]:
    return answer(one)

def iterated(one: Other) -> AsyncIterator[Other]:
    return items(one)

def later(one: Other) -> asyncio.Future[Other]:
    return asyncio.ensure_future(answer(one))

async def hooked(one: Other, hook: Callable[[int], Awaitable[int]]) -> Other:
    return await hook(one)

def mixed(one: None | "Other"):
    return answer(one)

def raises(one: 1 / 0) -> 1 / 0:
    return answer(one)

class Client:
    kept: Other

    def __init__(self, one: Other) -> None:
        self.one: Other = one

    async def get(self, one: Other) -> Other:
        return self.one + one

    async def asked(self) -> Other:
        return await self.get(1)

    @classmethod
    async def made(cls, one: Other) -> Other:
        return one

    @property
    async def plain(self) -> Other:
        return self.one

def users(Base):
    class Users(Base):
        more: Other

        def __init__(self, one: Other) -> None:
            super().__init__(one)

        def get(self, one: Other) -> Other:
            return 100 + one

    return Users

def factory(loop: Other, coro: Other, **options: Other) -> Other:
    return asyncio.Task(coro, loop=loop, **options)
"""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    library = types.ModuleType("late_library")
    monkeypatch.setitem(sys.modules, "late_library", library)
    exec(SOURCE, vars(library))
    return library


class TestANameForTypeCheckersAlone:
    def test_is_in_no_calls_way(self, library: Any) -> None:
        for function in (
            library.answer,
            library.awaited,
            library.later,
            library.mixed,
            library.raises,
        ):
            assert synced(function)(5) == 5
            assert sideloop.run_sync(function, 5) == 5

    def test_leaves_an_iterator_one(self, library: Any) -> None:
        for function in (library.items, library.iterated):
            assert list(synced(function)(5)) == [5]

    def test_is_in_no_objects_way(self, library: Any) -> None:
        twin = synced(library.Client)(3)
        assert (twin.get(4), twin.asked(), twin.plain) == (7, 4, 3)
        assert synced(library.Client).made(6) == 6

    def test_is_in_no_overrides_way(self, library: Any) -> None:
        assert library.users(synced(library.Client))(3).asked() == 101

    def test_is_in_no_hooks_way(self, library: Any) -> None:
        assert synced(library.hooked)(5, lambda one: one + 1) == 6

    def test_is_in_no_modules_way(self, library: Any) -> None:
        api = synced(library)
        assert (api.answer(5), list(api.iterated(5)), api.Client(3).asked()) == (5, [5], 4)

    def test_is_in_no_way_of_a_task_factory(self, library: Any) -> None:
        async def ask() -> int:
            asyncio.get_running_loop().set_task_factory(library.factory)
            return 5

        with sideloop.Runner() as runner:
            assert runner.run(ask) == 5
            assert runner.run(library.answer, 5) == 5

    def test_is_shown_as_it_is_written(self, library: Any) -> None:
        for twin in (synced(library.answer), synced(library.Client).made):
            assert "one: 'Other'" in str(inspect.signature(twin))
