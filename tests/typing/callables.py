"""Callables that are no functions: objects, partials, protocols, classes and overloads."""

import functools
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, TypeAlias, overload

from typing_extensions import assert_type

from sideloop import run_sync, synced


class Fetcher:
    """An object with an async `__call__`."""

    async def __call__(self, url: str, *, retries: int = 0) -> bytes:
        raise NotImplementedError


class Fetch(Protocol):
    """What a user writes to say: any async function like this."""

    def __call__(self, url: str, *, retries: int = 0) -> Awaitable[bytes]: ...


class Pending:
    """A class whose instances can be awaited: calling the class returns an awaitable."""

    def __init__(self, url: str, retries: int = 0) -> None:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, bytes]:
        raise NotImplementedError


async def add(a: int, b: int, *, c: str = "") -> bytes:
    raise NotImplementedError


AddAlias: TypeAlias = Callable[[int, int], Awaitable[bytes]]


@overload
async def parse(source: int) -> bytes: ...
@overload
async def parse(source: str, *, strict: bool) -> list[str]: ...
async def parse(source: int | str, *, strict: bool = False) -> bytes | list[str]:
    raise NotImplementedError


def run_sync_calls_objects(fetcher: Fetcher, fetch: Fetch) -> None:
    assert_type(run_sync(fetcher, "url"), bytes)
    assert_type(run_sync(fetcher, url="url", retries=3), bytes)
    assert_type(run_sync(fetch, "url", retries=3), bytes)
    assert_type(run_sync(Pending, "url", retries=3), bytes)


def run_sync_calls_partials() -> None:
    assert_type(run_sync(functools.partial(add, 1), 2), bytes)
    assert_type(run_sync(functools.partial(add, 1), 2, c="c"), bytes)
    assert_type(run_sync(functools.partial(add, 1, b=2)), bytes)


def run_sync_calls_values_of_a_callable_type(
    add_alias: AddAlias, untyped: Callable[..., Awaitable[bytes]]
) -> None:
    assert_type(run_sync(add_alias, 1, 2), bytes)
    assert_type(run_sync(untyped, 1, "anything", at="all"), bytes)
    assert_type(run_sync(lambda: add(1, 2)), bytes)


def run_sync_calls_overloads() -> None:
    assert_type(run_sync(parse, 1), bytes)
    assert_type(run_sync(parse, "source", strict=True), list[str])


def synced_of_objects(fetcher: Fetcher, fetch: Fetch) -> None:
    assert_type(synced(fetcher)("url", retries=3), bytes)
    assert_type(synced(fetch)(url="url"), bytes)
    assert_type(synced(Pending)("url", retries=3), Any)  # a twin, as that of any class


def synced_of_partials() -> None:
    assert_type(synced(functools.partial(add, 1))(2, c="c"), bytes)


def synced_of_values_of_a_callable_type(add_alias: AddAlias) -> None:
    assert_type(synced(add_alias), Callable[[int, int], bytes])


def synced_of_overloads() -> None:
    twin = synced(parse)
    assert_type(twin(1), bytes)
    assert_type(twin("source", strict=True), list[str])
