"""Objects of async classes that nobody has wrapped: each has a twin, or is warned of."""

import asyncio
import contextlib
import functools
import gc
import pickle
import threading
import unittest.mock
import warnings
import weakref
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import pytest

import sideloop
from sideloop import LoopManager

T = TypeVar("T")


class AsyncPart:
    def __init__(self, n: int = 3) -> None:
        self.n = n
        self.made_on = id(asyncio.get_running_loop())

    async def get(self) -> int:
        await asyncio.sleep(0)
        return self.n

    async def where(self) -> tuple[int, int]:
        return self.made_on, id(asyncio.get_running_loop())

    async def same(self, part: "AsyncPart") -> bool:
        return part is self


class AsyncHandle:
    """Has async methods, can be entered, iterated and awaited."""

    def __await__(self) -> Generator[Any, None, int]:
        return self.get().__await__()

    async def get(self) -> int:
        return 5

    async def __aenter__(self) -> "AsyncHandle":
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def __aiter__(self) -> AsyncIterator[AsyncPart]:
        yield AsyncPart()


class Both:
    """Has sync methods beside its async ones, as `httpx.Response` has."""

    def read(self) -> int:
        return 1

    async def aread(self) -> int:
        return 1

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


class Completions:
    async def create(self) -> str:
        return "hi"


class Chat:
    """Has nothing async itself."""

    def __init__(self) -> None:
        self.completions = Completions()
        self.name = "chat"


class SlottedChat:
    __slots__ = ("completions",)

    def __init__(self) -> None:
        self.completions = Completions()


class SaidChat:
    """Makes what is async when it is asked for that."""

    @functools.cached_property
    def completions(self) -> Completions:
        return Completions()


class Settings:
    """Of the same library, and nothing below it is async."""

    def __init__(self) -> None:
        self.retries = 3
        self.parent: object = None


class Color(Enum):
    RED = 1

    async def paint(self) -> str:
        return self.name


@dataclass
class Page:
    parts: list[Any]


class AsyncApi:
    def __init__(self) -> None:
        self.chat = Chat()
        self.slotted = SlottedChat()
        self.said = SaidChat()
        self.direct = Completions()
        self.settings = Settings()
        self.lock = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None
        self.both = Both()
        self.color = Color.RED
        self.loop = asyncio.get_running_loop()

    @property
    def through_property(self) -> Completions:
        return Completions()

    async def part(self) -> AsyncPart:
        return AsyncPart()

    async def parts(self) -> dict[str, Any]:
        return {"list": [AsyncPart(1), AsyncPart(2)], "page": Page([AsyncPart(3)])}

    async def items(self) -> AsyncIterator[AsyncPart]:
        yield AsyncPart(1)
        yield AsyncPart(2)

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[AsyncPart]:
        yield AsyncPart(7)

    async def handle(self) -> AsyncHandle:
        return AsyncHandle()

    def handle_of_def(self) -> AsyncHandle:
        return AsyncHandle()

    async def response(self) -> Both:
        return Both()

    async def start(self) -> object:
        self.task = asyncio.ensure_future(asyncio.sleep(0))
        return self.task

    async def same(self, value: Any) -> Any:
        return value

    async def call(self, callback: Any) -> Any:
        return callback(AsyncPart(9))


async def make_part() -> AsyncPart:
    return AsyncPart()


def make_part_later() -> Any:
    return make_part()


@pytest.fixture
def manager(scoped_manager: LoopManager) -> LoopManager:
    return scoped_manager


@pytest.fixture
def deep(manager: LoopManager) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield manager.synced(AsyncApi, deep=True)()


@contextlib.contextmanager
def warned() -> Iterator[list[str]]:
    """What is warned of in the block."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
    said += [str(one.message) for one in caught]
    assert all(one.filename == __file__ for one in caught)


class TestDeep:
    def test_gives_twins_to_what_is_returned(self, deep: Any) -> None:
        part = deep.part()
        assert part.get() == 3
        assert type(deep.part()) is type(part)
        assert isinstance(part.aio, AsyncPart)

    def test_gives_twins_to_what_is_inside_of_values(self, deep: Any) -> None:
        parts = deep.parts()
        assert [part.get() for part in parts["list"]] == [1, 2]
        assert parts["page"].parts[0].get() == 3

    def test_gives_twins_to_items_and_what_is_entered(self, deep: Any) -> None:
        assert [part.get() for part in deep.items()] == [1, 2]
        with deep.entered() as part:
            assert part.get() == 7

    def test_gives_twins_to_arguments_of_callbacks(self, manager: LoopManager) -> None:
        api: Any = manager.synced(AsyncApi, deep=True)

        class Mine(api):  # type: ignore[misc]
            def same(self, value: Any) -> Any:
                return value.get()

        class AsyncUser:
            async def use(self, api: AsyncApi) -> Any:
                return await api.same(AsyncPart(4))

        assert manager.synced(AsyncUser)().use(Mine()) == 4

    def test_serves_twins_below_twins(self, deep: Any) -> None:
        assert deep.chat.completions.create() == "hi"
        assert deep.chat.name == "chat"
        handle = deep.handle()
        assert [part.get() for part in handle] == [3]
        with handle as same:
            assert same is handle
            assert (same.get(), same.result()) == (5, 5)
        with deep.handle_of_def() as handle:
            assert handle.get() == 5

    def test_serves_what_belongs_to_the_standard_library(self, deep: Any) -> None:
        with deep.lock:
            assert deep.lock.locked()
        assert not deep.lock.locked()

    def test_keeps_them_on_the_loop_that_made_them(self, deep: Any) -> None:
        part = deep.part()
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(part.where()))
        thread.start()
        thread.join(20)
        assert len(set(found[0])) == 1

    def test_takes_them_back(self, deep: Any) -> None:
        part = deep.part()
        assert deep.same(part) is part
        assert deep.same([part]) == [part]
        assert part.same(part)

    def test_is_taken_by_functions_too(self, manager: LoopManager) -> None:
        assert manager.synced(make_part, deep=True)().get() == 3
        assert manager.synced(make_part_later, deep=True)().get() == 3

    def test_reaches_what_other_twins_of_the_manager_hand_out(self, manager: LoopManager) -> None:
        class Holder:
            async def get(self) -> AsyncApi:
                return AsyncApi()

        api = manager.synced(AsyncApi, deep=True)
        found = manager.synced(Holder)().get()
        assert type(found) is api
        assert found.part().get() == 3

    def test_leaves_alone_what_has_sync_methods_beside_its_async_ones(self, deep: Any) -> None:
        response = deep.response()
        assert type(response) is Both
        assert response.read() == 1
        assert type(deep.both) is Both

    def test_leaves_alone_loops_settings_and_mocks(self, deep: Any) -> None:
        assert isinstance(deep.loop, asyncio.AbstractEventLoop)
        assert type(deep.settings) is Settings
        for mock in (unittest.mock.AsyncMock(), unittest.mock.MagicMock()):
            deep.settings = mock
            assert deep.settings is mock

    def test_gives_many_threads_one_class(self, manager: LoopManager) -> None:
        make = manager.synced(make_part, deep=True)
        together, kinds = threading.Barrier(8), []

        def work() -> None:
            together.wait(20)
            kinds.append(type(make()))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(kinds) == 8
        assert len(set(kinds)) == 1

    def test_gives_the_class_a_name_when_it_is_wrapped(self, manager: LoopManager) -> None:
        api = manager.synced(AsyncApi, deep=True)()
        part = api.part()
        Part = manager.synced(AsyncPart)  # noqa: N806  # a class
        assert type(part) is Part
        assert Part.__name__ == "AsyncPart"

    def test_holds_no_class_longer_than_anyone_needs(self, manager: LoopManager) -> None:
        class Local:
            async def get(self) -> int:
                return 1

        class Maker:
            def __init__(self, kind: type) -> None:
                self.kind = kind

            async def make(self) -> Any:
                return self.kind()

        maker = manager.synced(Maker, deep=True)(Local)
        kind = weakref.ref(type(maker.make()))
        original = weakref.ref(Local)
        gc.collect()
        assert kind() is not None
        del maker, Maker, Local
        gc.collect()
        assert kind() is None
        assert original() is None

    def test_logs_a_class_that_cannot_have_a_twin(
        self, manager: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Radio:
            aio = 1

            async def tune(self) -> None: ...

        class Shop:
            async def radio(self) -> Radio:
                return Radio()

        assert type(manager.synced(Shop, deep=True)().radio()) is Radio
        assert "has an attribute 'aio'" in caplog.text


class TestWithoutDeep:
    def test_a_result_is_warned_of_once_for_its_class(self, manager: LoopManager) -> None:
        api = manager.synced(AsyncApi)()
        with warned() as said:
            parts = [api.part(), api.part(), *api.parts()["list"]]
        assert {type(part) for part in parts} == {AsyncPart}
        assert len(said) == 1
        assert "test_deep.AsyncPart" in said[0]
        assert "synced(AsyncPart)" in said[0]
        assert "deep=True" in said[0]

    def test_so_are_items_and_what_is_entered_and_results_of_functions(
        self, manager: LoopManager
    ) -> None:
        uses = {
            "items": lambda: list(manager.synced(AsyncApi)().items()),
            "entered": lambda: manager.synced(AsyncApi)().entered().__enter__(),
            "function": lambda: manager.synced(make_part)(),
            "def": lambda: manager.synced(make_part_later)(),
        }
        for name, use in uses.items():
            other = LoopManager()
            manager, before = other, manager
            with warned() as said:
                use()
            manager = before
            other.close()
            assert len(said) == 1, name

    def test_an_attribute_has_a_twin_and_its_class_is_warned_of_once(
        self, manager: LoopManager
    ) -> None:
        api = manager.synced(AsyncApi)()
        with warned() as said:
            assert api.chat.completions.create() == "hi"
            assert api.direct.create() == api.through_property.create() == "hi"
            assert api.slotted.completions.create() == "hi"
            assert api.said.completions.create() == "hi"
        assert len(said) == 1
        assert "test_deep.Completions" in said[0]
        assert "synced(Completions)" in said[0]

    def test_an_attribute_of_another_library_is_warned_of(self, manager: LoopManager) -> None:
        api = manager.synced(AsyncApi)()
        with warned() as said:
            assert type(api.lock) is asyncio.Lock
        assert "asyncio.locks.Lock" in said[0]

    def test_nothing_is_said_of_what_is_wrapped_or_sync(self, manager: LoopManager) -> None:
        wrapped = [manager.synced(one) for one in (AsyncPart, AsyncHandle, Completions)]
        api = manager.synced(AsyncApi)()
        with warned() as said:
            assert api.part().get() == 3
            assert api.chat.completions.create() == "hi"
            assert type(api.response()) is Both
            assert (api.settings.retries, api.loop.is_running()) == (3, True)
            with api.handle_of_def():
                pass
        assert said == []
        assert len(wrapped) == 3

    def test_an_answer_is_not_lost_where_warnings_are_errors(
        self, manager: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        api = manager.synced(AsyncApi)()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert type(api.part()) is AsyncPart
            assert api.direct.create() == "hi"
        assert "synced(AsyncPart)" in caplog.text


class TestAnObjectOfAClassWithoutAName:
    def test_is_pickled_with_its_original(self) -> None:
        shelf = sideloop.synced(Shelf, deep=True)()
        book = pickle.loads(pickle.dumps(shelf.book()))
        assert book.title() == "one"


class Book:
    def __init__(self) -> None:
        self.said = "one"

    async def title(self) -> str:
        return self.said


class Shelf:
    async def book(self) -> Book:
        return Book()


class Refusing(type):
    """A metaclass that makes no derived classes."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        if bases:
            raise TypeError("there is one of each")
        return super().__new__(cls, name, bases, namespace)


class Single(metaclass=Refusing):
    async def get(self) -> int:
        return 3


class TestOddClasses:
    @pytest.mark.parametrize("kind", [Single, Color])
    def test_that_cannot_be_derived_from_have_twins_and_say_so(
        self, manager: LoopManager, kind: Any
    ) -> None:
        twin: Any = manager.synced(kind)
        assert (twin().get() if kind is Single else twin.RED.paint()) in (3, "RED")
        with pytest.raises(TypeError, match=r"Mine cannot be .*keep an object of it in an attrib"):
            type("Mine", (twin,), {})

    def test_have_twins_by_deep(self, manager: LoopManager) -> None:
        class Slots:
            __slots__ = ("n",)  # without weak references

            def __init__(self) -> None:
                self.n = 3

            async def get(self) -> int:
                return self.n

        class Listed(list[int]):
            async def get(self) -> int:
                return len(self)

        @dataclass(frozen=True)
        class Frozen:
            n: int = 3

            async def get(self) -> int:
                return self.n

        class Boxed(Generic[T]):
            def __init__(self, value: T) -> None:
                self.value = value

            async def get(self) -> T:
                return self.value

        class Hidden:
            """Its methods are found by `__getattr__`."""

            def __getattr__(self, name: str) -> Any:
                async def get() -> int:
                    return 3

                if name.startswith("_"):
                    raise AttributeError(name)
                return get

            async def other(self) -> None: ...

        makers: dict[str, Any] = {
            "slots": Slots,
            "list": lambda: Listed([1, 2, 3]),
            "frozen": Frozen,
            "generic": lambda: Boxed[int](3),
            "metaclass": Single,
            "getattr": Hidden,
        }

        class Maker:
            async def make(self, name: str) -> Any:
                return makers[name]()

        maker = manager.synced(Maker, deep=True)()
        assert {name: maker.make(name).get() for name in makers} == dict.fromkeys(makers, 3)
        assert [*maker.make("list")] == [1, 2, 3]
