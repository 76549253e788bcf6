"""An async library that knows nothing of sideloop, for the tests of its twin."""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["CONSTANT", "Base", "OopsError", "Sub", "count", "double", "sync_double", "wrap"]

CONSTANT = 5


class OopsError(Exception):
    pass


class Base:
    def __init__(self, name: str) -> None:
        self.name = name

    async def get(self) -> str:
        return f"base {self.name}"


class Sub(Base):
    async def get(self) -> str:
        return f"sub {self.name}"


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


async def wrap(base: Base) -> Base:
    assert type(base) is Base
    return base


def sync_double(number: int) -> int:
    return 2 * number
