"""Attributes that async code computes, and methods that are no plain functions."""

import asyncio
import concurrent.futures
import functools
import gc
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import sideloop
from sideloop import LoopManager


class kept_in_dict:  # noqa: N801  # as such decorators are called
    """A cached property of somebody's own, as frameworks have them."""

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        found = instance.__dict__[self.name] = self.func(instance)
        return found


class bound_object:  # noqa: N801
    """A decorator whose methods are objects with an async `__call__`."""

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        function = self.__wrapped__

        class Bound:
            async def __call__(self, *args: Any) -> Any:
                return await function(instance, *args)

        return self if instance is None else Bound()


class bound_function:  # noqa: N801
    """A decorator whose methods are functions that do not look async."""

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return lambda *args: self.__wrapped__(instance, *args)


class AsyncClient:
    def __init__(self, fails: int = 0) -> None:
        self.asked = 0
        self.fails = fails
        self.partial = functools.partial(self._get, 4)

    @functools.cached_property
    async def info(self) -> int:
        """What is known."""
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.asked <= self.fails:
            raise LookupError(self.asked)
        return self.asked

    @functools.cached_property
    async def slow(self) -> None:
        self.asked += 1
        await asyncio.sleep(60 if self.asked == 1 else 0)

    @functools.cached_property
    def plain(self) -> list[int]:
        return [1]

    @kept_in_dict
    async def own(self) -> int:
        self.asked += 1
        return self.asked

    @property
    def coroutine(self) -> Any:
        return self._get(3)

    async def _get(self, n: int, more: int = 0) -> int:
        await asyncio.sleep(0)
        return n + more

    def _plain(self, n: int) -> int:
        return n

    def _later(self, n: int) -> Any:
        return self._get(n)

    get_five = functools.partialmethod(_get, 5)
    get_more = functools.partialmethod(_get, more=10)
    plain_five = functools.partialmethod(_plain, 5)
    later_five = functools.partialmethod(_later, 5)

    @functools.singledispatchmethod
    async def find(self, key: object) -> str:
        return f"object {key}"

    @find.register
    async def _(self, key: int) -> str:
        await asyncio.sleep(0)
        return f"int {key}"

    @find.register
    def _(self, key: str) -> str:
        return f"str {key}"

    @functools.singledispatchmethod
    @classmethod
    def build(cls, key: object) -> Any:
        raise TypeError(key)

    @build.register
    @classmethod
    async def _(cls, key: int) -> Any:
        return cls(key)

    @bound_object
    async def by_object(self, n: int) -> int:
        return await self._get(n)

    @bound_function
    async def by_function(self, n: int) -> int:
        return await self._get(n)

    async def info_inside(self) -> int:
        return await self.info


class AsyncRow(NamedTuple):
    n: int
    label: str = "row"

    async def save(self) -> int:
        await asyncio.sleep(0)
        return self.n

    @property
    async def saved(self) -> bool:
        return True

    async def next(self) -> "AsyncRow":
        return self._replace(n=self.n + 1)


@pytest.fixture
def manager(scoped_manager: LoopManager) -> LoopManager:
    return scoped_manager


@pytest.fixture
def client(manager: LoopManager) -> Any:
    return manager.synced(AsyncClient)()


class TestACachedProperty:
    def test_is_asked_once(self, client: Any) -> None:
        assert [client.info, client.info, client.aio.asked] == [1, 1, 1]
        assert [client.own, client.own, client.aio.asked] == [2, 2, 2]
        assert client.plain is client.plain

    def test_is_the_same_for_async_code(self, client: Any) -> None:
        assert client.info == client.info_inside() == 1
        other = type(client)()
        assert other.info_inside() == 1
        # In async code a coroutine is awaited once: it is asked for anew.
        assert [other.info, other.info, other.info_inside()] == [2, 2, 2]

    def test_is_asked_again_after_an_error(self, manager: LoopManager) -> None:
        client = manager.synced(AsyncClient)(1)
        with pytest.raises(LookupError):
            _ = client.info
        assert client.info == 2

    def test_is_asked_once_by_many_threads(self, client: Any) -> None:
        together = threading.Barrier(4)

        def ask() -> object:
            together.wait(20)
            return client.info

        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            assert [one.result(20) for one in [threads.submit(ask) for _ in range(4)]] == [1] * 4

    def test_is_limited_by_a_timeout_and_asked_again(self, client: Any) -> None:
        with pytest.raises(TimeoutError, match=r"AsyncClient\.slow"), sideloop.timeout(0.02):
            _ = client.slow
        assert client.slow is None

    def test_may_be_deleted_and_set(self, client: Any) -> None:
        assert client.info == 1
        del client.info
        assert client.info == 2
        client.info = 9
        assert client.info == client.aio.info == 9

    def test_makes_a_class_async(self, manager: LoopManager) -> None:
        class Lazy:
            @functools.cached_property
            async def value(self) -> int:
                return 1

        assert manager.synced(Lazy)().value == 1

    def test_leaves_no_coroutine_that_was_not_awaited(self, client: Any) -> None:
        client.info_inside()
        assert client.info == 2
        gc.collect()


class TestAPartialMethod:
    def test_is_async_as_what_it_calls(self, client: Any) -> None:
        assert (client.get_five(), client.get_five(1), client.get_more(1)) == (5, 6, 11)
        assert (client.plain_five(), client.later_five(), client.partial(1)) == (5, 5, 5)
        assert type(client).get_five(client) == 5
        assert asyncio.run(_awaited(client.get_five.aio)) == 5

    def test_makes_a_class_async(self, manager: LoopManager) -> None:
        class Half:
            half = functools.partialmethod(AsyncClient._get, 1)

        assert manager.synced(Half)().half() == 1


async def _awaited(aio: Callable[..., Any], *args: Any) -> object:
    return await aio(*args)


class TestADispatchedMethod:
    def test_is_async_or_not_by_its_argument(self, client: Any) -> None:
        assert [client.find(1), client.find("a"), client.find(None)] == [
            "int 1",
            "str a",
            "object None",
        ]
        assert asyncio.run(_awaited(client.find.aio, 1)) == "int 1"

    def test_of_a_class_too(self, client: Any) -> None:
        assert type(type(client).build(3)) is type(client)
        with pytest.raises(TypeError):
            client.build("a")


class TestADescriptorOfSomebodys:
    def test_has_methods_that_are_awaited(self, client: Any) -> None:
        assert client.by_object(1) == client.by_function(1) == 1
        assert client.coroutine == 3


class TestANamedTuple:
    def test_has_methods_that_are_awaited(self, manager: LoopManager) -> None:
        row_class = manager.synced(AsyncRow)
        row = row_class(4)
        assert (row.save(), row.saved, row.n, row[1], len(row)) == (4, True, 4, "row", 2)
        assert type(row.next()) is row_class
        assert row.next().save() == 5
        n, label = row
        assert (n, label) == (4, "row")
        assert row._asdict() == {"n": 4, "label": "row"}


class TestASyncUsersSubclass:
    def test_overrides_them_for_async_code_too(self, manager: LoopManager) -> None:
        client_class: Any = manager.synced(AsyncClient)

        class Mine(client_class):  # type: ignore[misc]
            def _get(self, n: int, more: int = 0) -> int:
                return 100 + n + more

            def get_five(self) -> int:
                return 55

        mine = Mine()
        assert (mine.coroutine, mine.get_five(), mine.find(1)) == (103, 55, "int 1")
        assert mine.info == 1
        assert mine.aio.info.done()


class TestTheOriginalsOwnSlots:
    def test_are_read_as_they_are(self, manager: LoopManager) -> None:
        class Slotted:
            __slots__ = ("__weakref__", "value")

            def __init__(self) -> None:
                self.value = 1

            @property
            async def later(self) -> int:
                return self.value

            @property
            def coroutine(self) -> Any:
                return self.get()

            async def get(self) -> int:
                return self.value

        slotted = manager.synced(Slotted)()
        assert (slotted.value, slotted.later, slotted.coroutine, slotted.get()) == (1, 1, 1, 1)
