"""What is the same for async and sync users."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypedDict

Handler = Callable[[int], Awaitable[str]]
Mode = Literal["fast", "slow"]

NOT_FOUND = 40 * 10 + 4


class AcmeError(Exception):
    """What the SDK raises."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error {code}")
        self.code = code


class Color(enum.Enum):
    """Members have values."""

    RED = "red"
    BLUE = "blue"

    @property
    def short(self) -> str:
        """Its first letter."""
        return self.value[0]


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int = 0

    def shifted(self, by: int) -> Point:
        """Another one."""
        return Point(self.x + by, self.y + by)


class Row(TypedDict, total=False):
    """A typed dictionary."""

    id: int
    name: str


class Greet(Protocol):
    """A hook with a name and keyword arguments."""

    async def __call__(self, name: str, *, loud: bool = False) -> str: ...


@dataclass
class Options:
    """Settings, with hooks among them."""

    name: str
    on_number: Handler | None = None
    greet: Greet | None = None
    handlers: list[Handler] = field(default_factory=list)
    """All of them are called."""
    retries: int = field(default=3, kw_only=True)


class Retry:
    """Nothing async, and not annotated."""

    limit = 3
    names = ["a", "b"]  # noqa: RUF012  # as users write it

    def __init__(self, factor=1.5, *, label=None):  # type: ignore[no-untyped-def]
        self.factor = float(factor)
        self.label = label
        self.waits = [self.factor * n for n in range(3)]
