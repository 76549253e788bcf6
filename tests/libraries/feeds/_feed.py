"""The async half."""

# ruff: noqa: ARG002  # what is asked for is what counts

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from feeds._types import Convert, Hook

if TYPE_CHECKING:
    from feeds._types import Handler

T = TypeVar("T")
F = TypeVar("F", bound="Callable[[int], Awaitable[str]]")


class AsyncEntry:
    """What hooks get."""

    async def read(self) -> str:
        return "entry"


class AsyncFeed:
    """Takes them."""

    on_number: Handler | None = None
    converters: dict[str, list[Handler]]

    def __init__(self, handler: Handler | None = None) -> None:
        self.handler = handler

    async def each(self, handler: Callable[[int], Awaitable[str]]) -> list[str]:
        return [await handler(1)]

    async def mapped(self, convert: Callable[[int], Awaitable[T]]) -> list[T]:
        return [await convert(1)]

    async def entries(self, handler: Callable[[AsyncEntry], Awaitable[AsyncEntry]]) -> None:
        await handler(AsyncEntry())

    async def aliased(self, handler: Handler, *others: Handler, **named: Handler) -> None:
        await handler(1)

    async def optional(self, handler: Handler | None = None) -> None: ...

    async def listed(self, handlers: Mapping[str, list[Handler]]) -> None: ...

    async def mixed(self, handler: str | Handler) -> None: ...

    async def either(self, handler: Callable[[int], str | Awaitable[str]]) -> None: ...

    async def protocol(self, hook: Hook) -> str:
        return await hook(1)

    async def generic(self, convert: Convert[int, str]) -> str:
        return await convert(1)

    async def iterated(self, source: Callable[[int], AsyncIterator[int]]) -> None: ...

    async def entered(self, make: Callable[[], AbstractAsyncContextManager[int]]) -> None: ...

    async def layered(
        self, layer: Callable[[int, Callable[[int], Awaitable[str]]], Awaitable[str]]
    ) -> None: ...

    def event(self, handler: F) -> F:
        return handler

    def on(self, name: str) -> Callable[[Handler], Handler]:
        return lambda handler: handler

    async def plain(self, key: Callable[[int], int]) -> None: ...

    @property
    def middle(self) -> Any: ...

    @middle.setter
    def middle(self, handler: Handler) -> None: ...

    @classmethod
    async def connect(cls, handler: Handler) -> AsyncFeed:
        return cls(handler)


async def apply(handler: Handler) -> str:
    return await handler(1)
