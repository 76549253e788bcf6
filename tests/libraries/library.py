"""A small async library and its twins, in a module of its own so that they can be pickled."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from sideloop import synced

T = TypeVar("T")


class Named:
    """Has nothing async: sync code is as well off with it."""

    made: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        self.name = name

    def __init_subclass__(cls) -> None:
        Named.made.append(cls.__name__)

    def shout(self) -> str:
        return self.name.upper()


class AsyncNode(Named):
    """A node in a tree."""

    kind = "node"

    def __init__(self, name: str, *children: "AsyncNode") -> None:
        """Make one."""
        super().__init__(name)
        self.loop = asyncio.get_running_loop()
        self.children = [*children]
        self.inside = 0
        self.tasks: list[object] = []

    async def add(self, name: str) -> "AsyncNode":
        """Add a child."""
        child = type(self)(name)
        self.children.append(child)
        return child

    async def adopt(self, *nodes: "AsyncNode", **named: "AsyncNode") -> list["AsyncNode"]:
        assert all(isinstance(node, AsyncNode) for node in [*nodes, *named.values()])
        self.children += [*nodes, *named.values()]
        return self.children

    async def same(self, value: T) -> T:
        return value

    async def contains(self, group: Any) -> bool:
        return any(self is member for member in group)

    async def give_up(self) -> None:
        raise KeyError(self.name)

    async def walk(self) -> AsyncGenerator["AsyncNode", "AsyncNode"]:
        heard = yield self
        while heard is not None:
            assert isinstance(heard, AsyncNode)
            heard = yield heard
        for child in self.children:
            async for node in child.walk():
                yield node

    def __aiter__(self) -> AsyncIterator["AsyncNode"]:
        return self.walk()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator["AsyncNode"]:
        yield self

    async def __aenter__(self) -> "AsyncNode":
        self.inside += 1
        self.tasks.append(asyncio.current_task())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert asyncio.current_task() is self.tasks.pop()
        self.inside -= 1

    async def __call__(self, suffix: str) -> str:
        return self.name + suffix

    def __len__(self) -> int:
        return len(self.children)

    def __truediv__(self, other: "AsyncNode") -> str:
        assert isinstance(other, AsyncNode)
        return f"{self.name}/{other.name}"

    def me(self) -> "AsyncNode":
        return self

    def soon(self) -> Any:
        return self.same(self)

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name.title()

    @title.setter
    def title(self, title: str) -> None:
        self.name = title.lower()

    @property
    async def first(self) -> "AsyncNode":
        """Its first child."""
        return self.children[0]

    @classmethod
    async def make(cls, name: str) -> "AsyncNode":
        return cls(name)

    @staticmethod
    async def double(number: int) -> int:
        return 2 * number


class AsyncLeaf(AsyncNode):
    kind = "leaf"

    async def fall(self) -> str:
        return f"{self.name} falls"

    async def give_up(self) -> None:
        raise ValueError(self.name)


class AsyncHidden(AsyncLeaf):
    """Has no twin of its own."""


Node = synced(AsyncNode)
Leaf = synced(AsyncLeaf)


class Special(Node):  # type: ignore[misc, valid-type]
    """A sync class on a twin."""

    def __init__(self, name: str) -> None:
        super().__init__(f"special {name}")
        self.extra = 1

    def add_two(self) -> list[Any]:
        return [self.add("one"), self.add("two")]


@synced
class Ticker:
    """Decorated: its name is the twin's."""

    __slots__ = ("__weakref__", "left")

    def __init__(self, left: int = 0) -> None:
        self.left = left

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left

    def __aiter__(self) -> AsyncIterator[int]:
        return self


@synced
@dataclass
class Point(Generic[T]):
    x: T
    y: T

    async def swapped(self) -> "Point[T]":
        return type(self)(self.y, self.x)


class Pair(NamedTuple):
    one: Any
    two: Any


class Outer:
    Inner = synced(AsyncNode)
