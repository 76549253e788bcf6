# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""Pagination: a page has some of the things there are, and knows the way to the next."""
from abc import ABCMeta
from sideloop import AsyncOriginal, SyncGenerator
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar
from shelf._manager import manager as manager
T = TypeVar('T')

class AsyncPage(Generic[T]):
    """A page. To iterate over it is to go on with those after it, which are fetched when needed."""
    items: list[T]
    _following: int | None
    _fetch: Callable[[int], Awaitable['AsyncPage[T]']]
    def __init__(self, items: list[T], following: int | None, fetch: Callable[[int], Awaitable['AsyncPage[T]']]) -> None: ...
    @property
    def is_last(self) -> bool:
        """Whether there is none after it."""
    async def next(self) -> 'AsyncPage[T]':
        """The page after it.

        Raises:
            LookupError: It is the last one.
        """
    def __aiter__(self) -> AsyncGenerator[T, None]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> T: ...
    def __repr__(self) -> str: ...

class Page(Generic[T], metaclass=ABCMeta):
    """A page. To iterate over it is to go on with those after it, which are fetched when needed."""
    items: list[T]
    def __init__(self, items: list[T], following: int | None, fetch: Callable[[int], Page[T] | Awaitable[AsyncPage[T]]]) -> None: ...
    @property
    def is_last(self) -> bool:
        """Whether there is none after it."""
    def next(self) -> Page[T]:
        """The page after it.

        Raises:
            LookupError: It is the last one.
        """
    def __iter__(self) -> SyncGenerator[T, None]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> T: ...
    def __repr__(self) -> str: ...
    @AsyncOriginal
    def aio(self) -> AsyncPage[T]: ...
