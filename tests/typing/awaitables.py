"""Whatever an async function returns to be awaited, the call returns what awaiting it gives."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, Generic, NoReturn, ParamSpec, TypedDict, TypeVar

from typing_extensions import assert_type

from sideloop import run_sync, synced

P = ParamSpec("P")
T = TypeVar("T")
Number = TypeVar("Number", int, float)
Text = TypeVar("Text", bound=str)


class Page(TypedDict):
    url: str
    status: int


class Later(Generic[T]):
    """An awaitable of the user's own."""

    def __await__(self) -> Generator[Any, None, T]:
        raise NotImplementedError


class Label(str):
    """A str that is its own class, to see that it comes back."""


async def nothing() -> None:
    raise NotImplementedError


async def perhaps(a: int) -> str | None:
    raise NotImplementedError


async def word(a: int) -> str:
    raise NotImplementedError


async def page(url: str) -> Page:
    raise NotImplementedError


async def pages(*urls: str) -> dict[str, list[Page]]:
    raise NotImplementedError


async def never() -> NoReturn:
    raise NotImplementedError


def awaitable(a: int) -> Awaitable[str]:
    raise NotImplementedError


def coroutine(a: int) -> Coroutine[Any, Any, str]:
    raise NotImplementedError


def future(a: int) -> asyncio.Future[str]:
    raise NotImplementedError


def task(a: int) -> asyncio.Task[str]:
    raise NotImplementedError


def later(a: int) -> Later[str]:
    raise NotImplementedError


async def identity(value: T) -> T:
    raise NotImplementedError


async def first(values: Sequence[T], default: T) -> T:
    raise NotImplementedError


async def double(value: Number) -> Number:
    raise NotImplementedError


async def shout(text: Text) -> Text:
    raise NotImplementedError


async def apply(function: Callable[[T], Awaitable[str]], value: T) -> list[T]:
    raise NotImplementedError


def run_sync_returns_what_was_awaited() -> None:
    result: None = run_sync(nothing)
    assert_type(result, None)
    assert_type(run_sync(perhaps, 1), str | None)
    assert_type(run_sync(page, "url"), Page)
    assert_type(run_sync(page, "url")["status"], int)
    assert_type(run_sync(pages, "one", "two"), dict[str, list[Page]])


def run_sync_of_sync_functions_that_return_awaitables() -> None:
    assert_type(run_sync(awaitable, 1), str)
    assert_type(run_sync(coroutine, a=1), str)
    assert_type(run_sync(future, 1), str)
    assert_type(run_sync(task, 1), str)
    assert_type(run_sync(later, 1), str)


def run_sync_solves_type_variables() -> None:
    assert_type(run_sync(identity, 1), int)
    assert_type(run_sync(identity, value=Label("a")), Label)
    assert_type(run_sync(first, [1, 2], 3), int)
    assert_type(run_sync(double, 1), int)
    assert_type(run_sync(double, 1.5), float)
    assert_type(run_sync(shout, Label("a")), Label)
    assert_type(run_sync(apply, word, 1), list[int])


def run_sync_of_the_standard_library() -> None:
    assert_type(run_sync(asyncio.sleep, 0, result="slept"), str)
    assert_type(run_sync(asyncio.wait_for, identity(1), timeout=1.0), int)
    assert_type(run_sync(asyncio.open_connection, "host", 80)[0], asyncio.StreamReader)
    assert_type(run_sync(asyncio.to_thread, len, "abc"), int)


def synced_returns_what_was_awaited() -> None:
    assert_type(synced(perhaps)(1), str | None)
    assert_type(synced(page)(url="url"), Page)
    assert_type(synced(awaitable)(1), str)
    assert_type(synced(coroutine)(a=1), str)
    assert_type(synced(future)(1), str)
    assert_type(synced(task)(1), str)
    assert_type(synced(later)(1), str)


def synced_keeps_type_variables() -> None:
    twin = synced(identity)
    assert_type(twin(1), int)
    assert_type(twin(value=Label("a")), Label)
    assert_type(synced(first)([1, 2], 3), int)
    assert_type(synced(double)(1.5), float)
    assert_type(synced(shout)(Label("a")), Label)


@synced
async def decorated(values: Sequence[T], default: T) -> T:
    raise NotImplementedError


def synced_keeps_type_variables_as_a_decorator() -> None:
    assert_type(decorated([1, 2], 3), int)
    assert_type(decorated(["a"], default="b"), str)


def passed_on(async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """A wrapper of the user's own is as exact as run_sync."""
    assert_type(run_sync(async_fn, *args, **kwargs), T)
    assert_type(synced(async_fn), Callable[P, T])
    return run_sync(async_fn, *args, **kwargs)


def run_sync_through_a_wrapper() -> None:
    assert_type(passed_on(page, url="url"), Page)
    assert_type(passed_on(identity, 1), int)


def run_sync_never_returns() -> None:
    # As a value it is exact, but pyright does not see that code after the call is unreachable: it
    # looks for NoReturn in the declared return type only.
    assert_type(run_sync(never), NoReturn)
