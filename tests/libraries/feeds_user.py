"""What sync users may pass, for type checkers: this is not run."""

# ruff: noqa: ARG002  # what is asked for is what counts

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager

from feeds._feed import AsyncEntry
from feeds.sync import Entry, Feed, apply
from typing_extensions import assert_type


def sync(n: int) -> str:
    raise NotImplementedError


async def asynchronous(n: int) -> str:
    raise NotImplementedError


def wrong(n: int) -> bytes:
    raise NotImplementedError


def entry(one: Entry) -> Entry:
    assert_type(one.read(), str)
    return one


async def async_entry(one: AsyncEntry) -> AsyncEntry:
    return one


def hook(number: int, *, twice: bool = False) -> str:
    raise NotImplementedError


async def async_hook(number: int, *, twice: bool = False) -> str:
    raise NotImplementedError


def numbers(to: int) -> Iterator[int]:
    raise NotImplementedError


def async_numbers(to: int) -> AsyncIterator[int]:
    raise NotImplementedError


def make() -> AbstractContextManager[int]:
    raise NotImplementedError


def async_make() -> AbstractAsyncContextManager[int]:
    raise NotImplementedError


def layer(n: int, following: Callable[[int], str]) -> str:
    return following(n)


class Mine(Feed):
    def each(self, handler: object) -> list[str]:
        return []


def parameters(feed: Feed) -> None:
    assert_type(feed.each(sync), list[str])
    assert_type(feed.each(asynchronous), list[str])
    assert_type(feed.each(lambda n: str(n)), list[str])
    assert_type(feed.mapped(sync), list[str])
    feed.entries(entry)
    feed.entries(async_entry)
    feed.aliased(sync, asynchronous, sync, more=sync)
    feed.optional(sync)
    feed.optional()
    feed.listed({"a": [sync, asynchronous]})
    feed.mixed(sync)
    feed.mixed("text")
    feed.either(sync)
    feed.protocol(hook)
    feed.protocol(async_hook)
    feed.generic(sync)
    feed.generic(asynchronous)
    feed.iterated(numbers)
    feed.iterated(async_numbers)
    feed.entered(make)
    feed.entered(async_make)
    feed.layered(layer)
    feed.plain(abs)
    assert_type(Feed.connect(sync), Feed)
    assert_type(apply(sync), str)
    assert_type(apply(asynchronous), str)
    Feed(sync)
    Feed(asynchronous)


def refused(feed: Feed) -> None:
    feed.each(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    feed.aliased(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    feed.protocol(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    apply(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def attributes(feed: Feed) -> None:
    feed.on_number = sync
    feed.on_number = asynchronous
    feed.on_number = None
    feed.converters = {"a": [sync]}
    feed.middle = sync


def decorators(feed: Feed) -> None:
    @feed.event
    def one(n: int) -> str:
        raise NotImplementedError

    @feed.on("name")
    def other(n: int) -> str:
        raise NotImplementedError

    assert_type(one(1), str)
    assert_type(other(1), str)
