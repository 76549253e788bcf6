"""Functions, and decorated classes."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import AnyStr, NoReturn, TypeVar, overload

from typing_extensions import ParamSpec

from acme._types import AcmeError, Handler
from sideloop import synced

T = TypeVar("T")
P = ParamSpec("P")
N = TypeVar("N", bound=float)

PATHS = ["a", "b"]
SIZES = {name: len(name) for name in PATHS}


def retried(async_fn: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Another decorator, of the SDK's own."""

    @functools.wraps(async_fn)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await async_fn(*args, **kwargs)

    return call


@synced
async def add(a: int, b: int = 2, /, *, scale: float = 1.0) -> float:
    """The sum."""
    return (a + b) * scale


@overload
async def parse(source: bytes) -> bytes: ...
@overload
async def parse(source: str) -> str: ...
@synced
async def parse(source: bytes | str) -> bytes | str:
    """The same again."""
    return source


@synced
async def first(values: list[T]) -> T:
    """Of many."""
    return values[0]


@synced
async def largest(*values: N) -> N:
    """A bound."""
    return max(values)


@synced
async def joined(one: AnyStr, other: AnyStr) -> AnyStr:
    """A choice."""
    return one + other


async def async_count(to: int) -> AsyncIterator[int]:
    """One by one."""
    for number in range(to):
        yield number


count = synced(async_count)


@synced
@asynccontextmanager
async def opened(path: str) -> AsyncGenerator[str, None]:
    """For a block."""
    yield path


@synced
@retried
async def fetch(path: str, *, times: int = 1) -> str:
    """With a decorator of the SDK's below."""
    return path * times


@synced
async def apply(handler: Handler) -> str:
    """Calls a hook."""
    return await handler(3)


@synced
async def fail(code: int) -> NoReturn:
    """Always."""
    raise AcmeError(code)


@synced
class Counter:
    """A decorated class."""

    def __init__(self, start: int = 0) -> None:
        self.number = start
        self.history = [start]

    async def add(self, other: Counter) -> Counter:
        """Both together."""
        return type(self)(self.number + other.number)

    async def up(self, to: int) -> AsyncIterator[int]:
        """One by one."""
        for number in range(self.number, to):
            yield number
