"""Twins of classes that have bases with nothing async: these are the twins' bases, too."""

import abc
import array
import asyncio
import collections
import copy
import functools
import io
import json
import pickle
import threading
from typing import Any, Generic, TypeVar

import pydantic
import pytest

import sideloop

T = TypeVar("T")


class Plain:
    __slots__ = ("kept",)

    def name(self) -> str:
        return "plain"


class Abstract(abc.ABC):
    @abc.abstractmethod
    def size(self) -> int: ...


class Registry(type):
    """A metaclass that keeps a list of its classes, as of tables."""

    made: list[str] = []  # noqa: RUF012  # it is one for all

    def __new__(cls, name: str, bases: Any, namespace: Any) -> Any:
        cls.made.append(name)
        return super().__new__(cls, name, bases, namespace)


class Table(metaclass=Registry):
    def columns(self) -> int:
        return 2


class Handler(threading.Thread, Generic[T]):
    def kind(self) -> str:
        return "handler"


class AsyncPlain(Plain):
    async def get(self) -> str:
        return self.name()


class AsyncAbstract(Abstract):
    def size(self) -> int:
        return 1

    async def get(self) -> str:
        return "plain"


class AsyncTable(Table):
    async def get(self) -> str:
        return "plain"


class AsyncHandler(Handler[int]):
    async def get(self) -> str:
        return "plain"


class AsyncModel(pydantic.BaseModel):
    name: str = "plain"
    number: int = 1

    async def get(self) -> str:
        return self.name

    async def same(self, other: "AsyncModel") -> "AsyncModel":
        return other


class AsyncDict(dict[Any, Any]):
    async def put(self, key: Any, value: Any) -> None:
        self[key] = value

    async def drop(self, key: Any) -> None:
        del self[key]

    async def me(self) -> "AsyncDict":
        return self


class AsyncOrdered(collections.OrderedDict[Any, Any]):
    async def put(self, key: Any, value: Any) -> None:
        self[key] = value

    async def first(self, key: Any) -> None:
        self.move_to_end(key, last=False)


class AsyncDefault(collections.defaultdict[Any, Any]):
    async def put(self, key: Any, value: Any) -> None:
        self[key] = value


class AsyncCounter(collections.Counter[Any]):
    async def put(self, key: Any, value: Any) -> None:
        self[key] = value


class AsyncList(list[Any]):
    async def put(self, value: Any) -> None:
        self.append(value)

    async def me(self) -> "AsyncList":
        return self


class AsyncSet(set[Any]):
    async def put(self, value: Any) -> None:
        self.add(value)


class AsyncQueue(collections.deque[Any]):
    async def put(self, value: Any) -> None:
        self.append(value)


class TestIsinstance:
    @pytest.mark.parametrize(
        ("original", "base"),
        [
            (AsyncPlain, Plain),
            (AsyncAbstract, Abstract),
            (AsyncTable, Table),
            (AsyncHandler, threading.Thread),
            (AsyncHandler, Handler),
            (AsyncModel, pydantic.BaseModel),
            (AsyncDict, dict),
            (AsyncOrdered, collections.OrderedDict),
            (AsyncDefault, collections.defaultdict),
            (AsyncCounter, collections.Counter),
            (AsyncList, list),
            (AsyncSet, set),
            (AsyncQueue, collections.deque),
        ],
    )
    def test_says_of_a_twin_what_it_says_of_the_original(
        self, synced: Any, original: Any, base: Any
    ) -> None:
        twin = synced(original)
        made = twin()
        assert issubclass(twin, base)
        assert isinstance(made, base)
        assert not issubclass(twin, original)
        assert not isinstance(made, original)
        assert type(made.aio) is original
        assert not issubclass(base, twin)

    def test_says_it_of_a_users_subclass_too(self, synced: Any) -> None:
        class Mine(synced(AsyncModel)):  # type: ignore[misc]
            def twice(self) -> Any:
                return 2 * self.get()

        class Bag(synced(AsyncDict)):  # type: ignore[misc]
            def twice(self) -> Any:
                return 2 * len(self)

        assert isinstance(Mine(), pydantic.BaseModel)
        assert Mine(name="a").twice() == "aa"
        bag = Bag(a=1)
        assert (isinstance(bag, dict), bag.twice(), json.dumps(bag)) == (True, 2, '{"a": 1}')
        bag.put("b", 2)
        assert json.dumps(bag) == '{"a": 1, "b": 2}'

    def test_asks_no_metaclass_to_make_anything_of_a_twin(self, synced: Any) -> None:
        before = Registry.made[:]
        twin = synced(AsyncTable)
        assert (twin().get(), twin().columns()) == ("plain", 2)
        assert Registry.made == before


class TestAModel:
    def test_behaves_as_its_original(self, synced: Any) -> None:
        twin = synced(AsyncModel)
        model = twin(name="a")
        model.name = "b"
        assert (model.get(), model.model_dump()) == ("b", {"name": "b", "number": 1})
        assert model.same(model) is model
        assert type(twin.model_validate({"name": "c"})) is twin
        assert model.model_copy(update={"number": 2}).number == 2
        assert copy.copy(model) == model
        with pytest.raises(pydantic.ValidationError):
            twin(number="x")


class TestADict:
    @pytest.mark.parametrize("original", [AsyncDict, AsyncOrdered, AsyncDefault, AsyncCounter])
    def test_has_its_items_for_whoever_reads_them(self, synced: Any, original: Any) -> None:
        bag = synced(original)()
        bag["a"] = 1
        bag.put("b", 2)
        bag.update(c=3)
        items = {"a": 1, "b": 2, "c": 3}
        for _ in range(2):
            assert dict(bag) == {**bag} == dict.copy(bag) == items
            assert json.loads(json.dumps(bag)) == items
            assert (list(bag), list(bag.items()), len(bag), "b" in bag) == (
                list(items),
                list(items.items()),
                len(items),
                True,
            )
            assert bag == items
            assert bag.pop("a") == items.pop("a")
            bag["a"] = items["a"] = 1  # it is last now
        assert list(json.loads(json.dumps(bag))) == list(items)

    def test_shows_twins_of_what_is_in_it(self, synced: Any) -> None:
        bag = synced(AsyncDict)()
        bag.put("me", bag)
        bag["again"] = bag
        assert [one is bag for one in (bag["me"], *bag.values(), dict(bag)["again"])] == [True] * 4
        assert [type(one) for one in bag.aio.values()] == [AsyncDict] * 2

    def test_may_be_used_while_it_is_iterated(self, synced: Any) -> None:
        for original in (AsyncDict, AsyncOrdered, AsyncDefault):
            bag = synced(original)()
            bag.update(a=1, b=2)
            for key in bag:
                bag.put(key, 5)
            assert dict(bag) == {"a": 5, "b": 5}

    def test_sees_what_async_code_does_in_between(self, synced: Any) -> None:
        bag = synced(AsyncDict)(a=1)
        bag.aio["b"] = 2
        assert (list(bag), bag["b"], len(bag)) == (["a", "b"], 2, 2)

    def test_in_order_stays_in_order(self, synced: Any) -> None:
        bag = synced(AsyncOrdered)(a=1, b=2)
        bag.move_to_end("a")
        assert json.dumps(bag) == '{"b": 2, "a": 1}'
        bag.first("a")
        assert json.dumps(bag) == '{"a": 1, "b": 2}'

    def test_is_pickled_and_copied(self) -> None:
        bag = Bag(a=[1])
        again = pickle.loads(pickle.dumps(bag))
        assert (type(again), again) == (Bag, {"a": [1]})
        assert copy.deepcopy(bag) == bag


Bag: Any = sideloop.synced(AsyncDict)


class TestAListAndASet:
    def test_have_their_items_for_native_code(self, synced: Any) -> None:
        rows = synced(AsyncList)([1])
        rows.append(2)
        rows.put(3)
        rows += [4]
        assert [0] + rows == [0, 1, 2, 3, 4]  # noqa: RUF005  # it asks the list itself
        assert (list(rows), json.dumps(rows), sorted(rows), rows[1:]) == (
            [1, 2, 3, 4],
            "[1, 2, 3, 4]",
            [1, 2, 3, 4],
            [2, 3, 4],
        )
        assert rows.me() is rows
        members = synced(AsyncSet)([1])
        members.add(2)
        members.put(3)
        members.discard(1)
        assert set(members) == {2, 3} == members
        assert {1} | members == {1, 2, 3}
        for one in members:
            members.put(one)


class TestAQueue:
    def test_has_its_items_for_native_code(self, synced: Any) -> None:
        queue = synced(AsyncQueue)([1])
        queue.put(2)
        queue.appendleft(0)
        assert collections.deque.copy(queue) == collections.deque([0, 1, 2]) == queue
        assert (queue.popleft(), list(queue), len(queue)) == (0, [1, 2], 2)

    def test_shows_only_as_many_as_there_may_be(self, synced: Any) -> None:
        queue = synced(AsyncQueue)([1, 2, 3], 2)
        queue.put(4)
        assert (queue.maxlen, list(queue), list(reversed(queue))) == (2, [3, 4], [4, 3])


class TestABaseOfNativeCode:
    """It has memory that a twin cannot have, whatever kind of type it is in which version."""

    @pytest.mark.parametrize("base", [array.array, functools.partial, io.BytesIO, asyncio.Future])
    def test_is_not_kept(self, synced: Any, base: Any) -> None:
        async def get(_self: Any) -> int:
            return 1

        assert not issubclass(synced(type("AsyncNative", (base,), {"get": get})), base)
