"""What callables it takes."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

Handler = Callable[[int], Awaitable[str]]

T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class Hook(Protocol):
    """By a name."""

    async def __call__(self, number: int, *, twice: bool = False) -> str: ...


class Convert(Protocol[T_contra, T_co]):
    """Of any types."""

    async def __call__(self, value: T_contra, /) -> T_co: ...
