"""Twins of enumerations, of classes that refuse derived ones, of objects without references."""

import copy
import dataclasses
import enum
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import sideloop


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    async def paint(self) -> str:
        return self.name.lower()

    @classmethod
    async def first(cls) -> "Color":
        return cls.RED


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

    async def higher(self) -> "Level":
        return Level(self + 1)


class Right(enum.Flag):
    READ = 1
    WRITE = 2

    async def both(self) -> "Right":
        return Right.READ | Right.WRITE


class Sealed(type):
    """A metaclass that refuses derived classes, and can be asked as a table can."""

    def __new__(cls, name: str, bases: Any, namespace: Any) -> Any:
        if any(isinstance(base, Sealed) for base in bases):
            raise TypeError("sealed")
        return super().__new__(cls, name, bases, namespace)

    def __len__(cls) -> int:
        return 3

    def __iter__(cls) -> Iterator[Any]:
        yield cls(1)

    def __getitem__(cls, number: int) -> Any:
        return cls(number)

    def all(cls) -> list[Any]:
        return [cls]

    async def find(cls) -> Any:
        return cls(5)


class AsyncSealed(metaclass=Sealed):
    def __init__(self, number: int = 0) -> None:
        self.number = number

    async def get(self) -> int:
        return self.number

    async def me(self) -> "AsyncSealed":
        return self

    async def same(self, other: object) -> bool:
        return self is other


class AsyncSlotted:
    __slots__ = ("number",)

    async def get(self) -> int:
        return 1


@dataclasses.dataclass(slots=True)
class AsyncRow:
    number: int = 0

    async def get(self) -> int:
        return self.number


class TestAnEnumeration:
    def test_is_iterated_called_and_asked_by_name(self, synced: Any) -> None:
        colors = synced(Color)
        assert [color.paint() for color in colors] == ["red", "blue"]
        assert colors(1) is colors["RED"] is colors.RED is colors.first()
        assert (len(colors), list(colors.__members__)) == (2, ["RED", "BLUE"])
        assert colors.RED in colors
        assert isinstance(colors.RED, colors)
        assert isinstance(colors.RED, enum.Enum)
        assert (colors.RED.name, colors.BLUE.value, {colors.RED: 3}[colors.RED]) == ("RED", 2, 3)
        with pytest.raises(ValueError, match="not a valid Color"):
            colors(7)

    def test_of_numbers_and_of_flags(self, synced: Any) -> None:
        levels, rights = synced(Level), synced(Right)
        assert levels.LOW.higher() is levels.HIGH
        assert (levels.LOW + 1, json.dumps([levels.HIGH]), isinstance(levels.LOW, int)) == (
            2,
            "[2]",
            True,
        )
        both = rights.READ | rights.WRITE
        assert both is rights.READ.both()
        assert rights.READ in both
        assert rights(3) is both

    def test_is_pickled(self) -> None:
        assert pickle.loads(pickle.dumps(Colors.RED)) is Colors.RED
        assert copy.deepcopy(Colors.RED) is Colors.RED


Colors: Any = sideloop.synced(Color)


class TestAClassWhoseMetaclassRefusesDerivedOnes:
    def test_has_a_twin_for_all_uses(self, synced: Any) -> None:
        twin = synced(AsyncSealed)
        made = twin(2)
        assert (made.get(), made.me() is made, made.same(made), made.number) == (2, True, True, 2)
        assert isinstance(made, twin)
        made.number = 4
        assert (made.get(), type(made.aio), copy.copy(made).get()) == (4, AsyncSealed, 4)
        with pytest.raises(TypeError, match=r"Mine cannot be derived .* an object of it in"):
            type("Mine", (twin,), {})

    def test_is_asked_what_the_metaclass_answers(self, synced: Any) -> None:
        twin = synced(AsyncSealed)
        assert (len(twin), twin[3].get(), [one.get() for one in twin]) == (3, 3, [1])
        assert (twin.all(), twin.find().get()) == ([twin], 5)

    def test_is_used_by_several_threads(self, threads: Any) -> None:
        made = SealedTwin(3)
        assert all(threads.submit(made.me).result() is made for _ in range(3))

    def test_is_pickled(self) -> None:
        assert pickle.loads(pickle.dumps(SealedTwin(7))).get() == 7


SealedTwin: Any = sideloop.synced(AsyncSealed)


class TestObjectsWithoutWeakReferences:
    """Where one lives could not be kept for as long as it is there itself."""

    @pytest.mark.parametrize("original", [AsyncSlotted, AsyncRow])
    def test_are_refused_with_what_to_write(self, synced: Any, original: Any) -> None:
        message = r"no weak references.*add '__weakref__' to its __slots__.*weakref_slot=True"
        with pytest.raises(TypeError, match=message):
            synced(original)

    def test_are_not_if_their_class_does_as_it_is_told(self, synced: Any) -> None:
        class AsyncMended(AsyncSlotted):
            __slots__ = ("__weakref__",)

        class AsyncDerived(AsyncRow):
            pass

        assert (synced(AsyncMended)().get(), synced(AsyncDerived)(3).get()) == (1, 3)
