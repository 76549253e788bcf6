"""Functions, and decorated classes."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar, overload

from sideloop import synced

T = TypeVar("T")

VERSION = "1"
DEBUG = False


@overload
async def parse(source: int) -> bytes: ...
@overload
async def parse(source: str) -> str: ...
@synced
async def parse(source: int | str) -> bytes | str:
    return str(source)


@synced
async def first(values: list[T]) -> T:
    return values[0]


async def _async_count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


count = synced(_async_count)


@synced
class Counter:
    def __init__(self, start: int = 0) -> None:
        self.number = start

    async def add(self, other: "Counter") -> "Counter":
        return type(self)(self.number + other.number)

    async def numbers(self) -> AsyncGenerator[int, None]:
        yield self.number


@synced
class Clock(Counter.aio):  # type: ignore[misc, name-defined]
    async def tick(self) -> None:
        self.number += 1


def untyped(a, b=1):  # type: ignore[no-untyped-def]
    return a, b
