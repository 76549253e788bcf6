"""Twins of classes derived from values: text, numbers, tuples, which never change."""

import asyncio
import copy
import gc
import json
import pickle
import weakref
from typing import Any, NamedTuple

import pytest

import sideloop
from sideloop import LoopManager


class AsyncText(str):
    __slots__ = ()

    async def get(self) -> str:
        return self.upper()

    async def me(self) -> "AsyncText":
        return self


class AsyncFloat(float):
    async def get(self) -> float:
        return self + 1

    async def me(self) -> "AsyncFloat":
        return self


class AsyncPair(tuple[Any, ...]):
    async def me(self) -> "AsyncPair":
        return self


class AsyncPoint(NamedTuple):
    x: Any = 1
    y: Any = 2

    async def total(self) -> Any:
        return self.x + self.y

    async def same(self, other: "AsyncPoint") -> bool:
        return self is other


class AsyncNumber(int):
    async def me(self) -> "AsyncNumber":
        return self


class AsyncBytes(bytes):
    async def me(self) -> "AsyncBytes":
        return self


class AsyncComplex(complex):
    async def me(self) -> "AsyncComplex":
        return self


class AsyncFrozen(frozenset[Any]):
    async def me(self) -> "AsyncFrozen":
        return self


class AsyncDict(dict[Any, Any]):
    async def put(self, key: Any, value: Any) -> None:
        self[key] = value


Bag: Any = sideloop.synced(AsyncDict)


VALUES = [
    (AsyncPair, (1, [2])),
    (AsyncNumber, 3),
    (AsyncBytes, b"ab"),
    (AsyncComplex, 1j),
    (AsyncFrozen, frozenset([1])),
    (AsyncText, "ab"),
    (AsyncFloat, 1.5),
]


class TestAValue:
    @pytest.mark.parametrize(("original", "value"), VALUES)
    def test_is_its_value_for_all_that_takes_one(
        self, synced: Any, original: Any, value: Any
    ) -> None:
        twin = synced(original)
        made = twin(value)
        assert isinstance(made, type(value))
        assert not isinstance(made, original)
        assert made == value == made.aio
        assert made.me() is made
        assert (repr(made), f"{made}") == (repr(original(value)), f"{original(value)}")
        kind: Any = type(value)
        assert kind.__eq__(value, made) is True
        assert copy.copy(made) == copy.deepcopy(made) == value

    def test_is_taken_by_native_code(self, synced: Any) -> None:
        number, text = synced(AsyncNumber)(2), synced(AsyncBytes)(b"ab")
        assert ([1, 2, 3][number], number + 1, "ab" * number) == (3, 3, "abab")
        assert json.dumps({"n": number, "p": synced(AsyncPoint)()}) == '{"n": 2, "p": [1, 2]}'
        assert (b"-".join([text, text]), text[0], memoryview(text)[1]) == (b"ab-ab", 97, 98)

    def test_has_a_key_that_is_that_of_its_value(self, synced: Any) -> None:
        keys = {1: "one", (1, 2): "pair", b"a": "bytes"}
        found = synced(AsyncNumber)(1), synced(AsyncPoint)(1, 2), synced(AsyncBytes)(b"a")
        assert [keys[one] for one in found] == ["one", "pair", "bytes"]

    def test_is_collected_when_nobody_uses_it(self, synced: Any) -> None:
        class Kept:
            pass

        kept = Kept()
        point = synced(AsyncPoint)(kept)
        gone = weakref.ref(kept)
        assert point.x is kept
        del kept, point
        gc.collect()
        assert gone() is None

    def test_is_one_for_all_threads(self, threads: Any) -> None:
        pair = sideloop.synced(AsyncPair)((1,))
        assert all(threads.submit(pair.me).result() is pair for _ in range(5))


class TestANamedTuple:
    def test_is_unpacked_matched_and_replaced(self, synced: Any) -> None:
        twin = synced(AsyncPoint)
        point = twin(3, y=4)
        x, y = point
        assert (x, y, point.x, point[1], point.total(), len(point)) == (3, 4, 3, 4, 7, 2)
        match point:
            case twin(x=3, y=found):
                assert found == 4
            case _:
                pytest.fail("no match")
        assert type(point._replace(x=1)) is type(twin._make([1, 4])) is twin
        assert point._replace(x=1).total() == 5
        assert point._asdict() == {"x": 3, "y": 4}
        assert ("%s-%s" % point, point + (5,), sorted([point, (1, 1)])) == (  # noqa: RUF005, UP031
            "3-4",
            (3, 4, 5),
            [(1, 1), (3, 4)],
        )

    def test_holds_twins(self, synced: Any) -> None:
        inside = synced(AsyncPair)((1,))
        point = synced(AsyncPoint)(inside, [inside])
        first, _ = point
        assert [one is inside for one in (point.x, point[0], first, point[1][0])] == [True] * 4
        assert type(point.aio.x) is AsyncPair
        assert point.same(point)

    def test_that_is_unpickled_holds_twins(self) -> None:
        again = pickle.loads(pickle.dumps(Point(Bag(a=1), 2)))
        assert type(again) is Point
        assert type(again.x) is type(again[0]) is type(tuple.__getitem__(again, 0)) is Bag

    def test_lives_where_it_was_made_while_somebody_has_it(self, threads: Any) -> None:
        with LoopManager() as manager:
            kept: list[Any] = []

            class AsyncPlace(NamedTuple):
                number: int = 1

                async def where(self) -> Any:
                    kept[:] = [self]
                    return id(asyncio.get_running_loop())

            @manager.synced
            async def found() -> Any:
                return kept[0]

            place = manager.synced(AsyncPlace)()
            assert place.where() == threads.submit(lambda: found().where()).result()


Point: Any = sideloop.synced(AsyncPoint)


class TestATextAndANumber:
    def test_are_what_they_are(self, synced: Any) -> None:
        text = synced(AsyncText)("ab")
        assert ("x" + text, f"{text}", {text: 1}["ab"], text.get()) == ("xab", "ab", 1, "AB")
        number = synced(AsyncFloat)(1.5)
        assert (number + 1, number.get(), round(number), number == 1.5) == (2.5, 2.5, 2, True)

    def test_cannot_be_derived_from(self, synced: Any) -> None:
        for original in (AsyncText, AsyncNumber, AsyncPoint):
            with pytest.raises(TypeError, match="cannot be derived from the twin of a "):
                type("Mine", (synced(original),), {})
