"""Twins of functions, methods and properties."""

import asyncio
import functools
import inspect
import pickle
import pydoc
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest
from asked import is_coroutine_function
from typing_extensions import get_overloads, overload

import sideloop
from sideloop import LoopManager, SyncContextManager, SyncGenerator, synced


async def async_add(a: int, b: int = 1) -> int:
    """Add."""
    await asyncio.sleep(0)
    return a + b


add = synced(async_add)


@synced
async def decorated(a: int) -> int:
    return a + 1


@synced
async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


@synced
@asynccontextmanager
async def opened(name: str) -> AsyncGenerator[str, None]:
    yield name.upper()


def later(a: int) -> Awaitable[int]:
    return async_add(a)


def numbers(to: int) -> AsyncIterator[int]:
    return count.aio(to)


def entered(name: str) -> AbstractAsyncContextManager[str]:
    return opened.aio(name)


class Store:
    """Its methods are twins, each by itself."""

    def __init__(self, name: str = "store") -> None:
        self.name = name

    @synced
    async def get(self, key: str) -> str:
        """Get it."""
        return f"{self.name}/{key}"

    @synced
    @classmethod
    async def open(cls, name: str) -> "Store":
        return cls(name)

    @synced
    @staticmethod
    async def check(name: str) -> bool:
        return name.isidentifier()

    @synced
    @property
    async def size(self) -> int:
        """How much."""
        return len(self.name)

    @synced
    async def keys(self) -> AsyncIterator[str]:
        yield self.name


class Small(Store):
    pass


class TestAFunction:
    def test_called_gives_what_awaiting_gives(self, manager: LoopManager) -> None:
        assert manager.synced(async_add)(10, b=12) == 22

    def test_keeps_its_original_at_aio(self) -> None:
        assert add.aio is async_add  # type: ignore[attr-defined]
        assert asyncio.run(decorated.aio(1)) == 2

    def test_looks_like_its_original_and_is_not_async(self) -> None:
        assert (add.__name__, add.__qualname__, add.__module__) == (
            "async_add",
            "async_add",
            __name__,
        )
        assert add.__doc__ == "Add."
        assert inspect.signature(add) == inspect.signature(async_add)
        assert inspect.isroutine(add)
        assert not inspect.iscoroutinefunction(add)
        assert not is_coroutine_function(add)
        assert not inspect.isasyncgenfunction(count)

    def test_has_help_with_its_signature(self) -> None:
        text = pydoc.plain(pydoc.render_doc(add))
        assert "async_add(a: int, b: int = 1) -> int" in text
        assert "Add." in text

    @pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
    def test_is_pickled_by_reference(self, pickler: Any) -> None:
        for twin in (decorated, count, opened, Store.get):
            assert pickle.loads(pickler.dumps(twin)) is twin
        again = pickle.loads(pickler.dumps(add))
        assert again == add
        assert again.aio is async_add
        assert again(10, b=12) == 22

    def test_that_returns_an_awaitable_or_another_async_thing_is_known_by_its_annotation(
        self, manager: LoopManager
    ) -> None:
        assert manager.synced(later)(1) == 2
        assert list(manager.synced(numbers)(3)) == [0, 1, 2]
        with manager.synced(entered)("a") as name:
            assert name == "A"

    def test_behind_a_decorator_keeps_its_form(self, manager: LoopManager) -> None:
        def passing(function: Any) -> Any:
            @functools.wraps(function)
            def call(*args: Any) -> Any:
                return function(*args)

            return call

        assert manager.synced(passing(async_add))(1) == 2
        assert list(manager.synced(passing(count.aio))(2)) == [0, 1]

    def test_with_overloads_has_those_of_its_original(self) -> None:
        @overload
        async def parse(source: int) -> bytes: ...
        @overload
        async def parse(source: str) -> str: ...
        async def parse(source: Any) -> Any:
            return source

        assert len(get_overloads(synced(parse))) == 2


class TestAMethod:
    @pytest.mark.parametrize("kind", [Store, Small])
    def test_of_every_kind_is_bound_as_its_original_would_be(self, kind: type[Store]) -> None:
        store = kind.open("a")
        assert type(store) is kind
        assert store.get("k") == kind.get(store, "k") == "a/k"
        assert store.check("a b") is kind.check("a b") is False
        assert store.size == 1
        assert list(store.keys()) == ["a"]

    def test_has_a_bound_original_at_aio(self) -> None:
        store = Store("a")
        assert asyncio.run(store.get.aio("k")) == "a/k"  # type: ignore[attr-defined]
        assert type(asyncio.run(Small.open.aio("k"))) is Small  # type: ignore[attr-defined]
        assert asyncio.run(Store.check.aio("k"))  # type: ignore[attr-defined]
        assert asyncio.run(inspect.getattr_static(Store, "size").aio.fget(store)) == 1

    def test_has_a_signature_without_the_instance(self) -> None:
        assert str(inspect.signature(Store().get)) == "(key: str) -> str"
        assert str(inspect.signature(Store.get)) == "(self, key: str) -> str"
        assert "Get it." in pydoc.render_doc(Store().get)
        assert inspect.getdoc(Store.size) == "How much."

    def test_is_equal_to_itself_and_pickled_with_its_object(self) -> None:
        store = Store("a")
        assert store.get == store.get
        assert len({store.get, store.get}) == 1
        assert store.get != Store("b").get
        assert pickle.loads(pickle.dumps(store.get))("k") == "a/k"

    def test_may_be_abstract(self) -> None:
        class Shape(ABC):
            @synced
            @abstractmethod
            async def area(self) -> float: ...

            @abstractmethod
            @synced
            async def name(self) -> str: ...

        class Square(Shape):
            @synced
            async def area(self) -> float:
                return 1.0

            @synced
            async def name(self) -> str:
                return "square"

        assert Shape.__abstractmethods__ == {"area", "name"}
        assert (Square().area(), Square().name()) == (1.0, "square")


class TestTheDoor:
    @pytest.mark.parametrize(
        ("target", "message"),
        [
            (len, r"builtins.len\(\) is a sync one"),
            (7, "expected an async function, got int"),
            (dict, "dict has nothing async"),
            (SimpleNamespace, "has nothing async"),
            (pydoc, "pydoc defines no async function"),
            (property(), "without a getter is a sync one"),
            (add, "is a sync twin already; its async original is at .aio"),
            (asyncio.CancelledError, "is an exception"),
        ],
    )
    def test_refuses_what_is_not_async(self, target: Any, message: str) -> None:
        with pytest.raises(TypeError, match=message):
            sideloop.synced(target)

    def test_refuses_sync_functions_by_what_they_say(self) -> None:
        def sync_add(a: int, b: int) -> int:
            return a + b

        def generate() -> Any:
            yield 1

        class Sized:
            @property
            def size(self) -> int:
                return 1

        for target in (sync_add, generate, Sized.size, staticmethod(sync_add)):
            with pytest.raises(TypeError, match="is a sync one"):
                sideloop.synced(target)  # type: ignore[call-overload]

    def test_refuses_a_class_with_an_attribute_of_our_name(self) -> None:
        class Radio:
            aio = 1

            async def get(self) -> None: ...

        with pytest.raises(TypeError, match="has an attribute 'aio'"):
            sideloop.synced(Radio)


def test_views_are_of_the_documented_types() -> None:
    assert isinstance(count(1), SyncGenerator)
    assert isinstance(opened("a"), SyncContextManager)


class TestPassingATwinToACall:
    """It would run, and return no awaitable: nothing runs, and the error says what to pass."""

    @pytest.mark.parametrize(
        "entry", ["run_sync", "run", "submit", "map", "run_on", "brought back"]
    )
    @pytest.mark.parametrize("kind", ["function", "method", "class", "partial", "generator"])
    def test_is_refused_at_the_door(self, manager: LoopManager, entry: str, kind: str) -> None:
        ran: list[object] = []

        @manager.synced
        async def fetch(number: int) -> int:
            ran.append(number)
            return number

        @manager.synced
        async def count(to: int) -> AsyncGenerator[int, None]:
            ran.append(to)
            yield to

        class AsyncStore:
            def __init__(self, number: int = 0) -> None:
                if number:
                    ran.append(number)

            async def get(self, number: int) -> int:
                ran.append(number)
                return number

        store = manager.synced(AsyncStore)
        twin: Any = {
            "function": fetch,
            "method": store().get,
            "class": store,
            "partial": functools.partial(functools.partial(fetch), 1),
            "generator": count,
        }[kind]
        args = () if kind == "partial" else (1,)
        back = LoopManager(copy_context_back=True)
        with sideloop.Runner() as runner:
            loop = runner.run(running_loop)
            calls: dict[str, Callable[[], object]] = {
                "run_sync": lambda: manager.run_sync(twin, *args),
                "run": lambda: runner.run(twin, *args),
                "submit": lambda: runner.submit(twin, *args),
                "map": lambda: list(sideloop.map(twin, [1])),
                "run_on": lambda: sideloop.run_on(loop, twin, *args),
                "brought back": lambda: back.run_sync(twin, *args),
            }
            with pytest.raises(TypeError, match=r"sync twin .*\.aio"):
                calls[entry]()
        back.close()
        assert ran == []
        assert manager.run_sync(fetch.aio, 3) == 3


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
