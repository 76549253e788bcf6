"""`map` returns an iterator over what the function returns, or over that and its exceptions."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from typing_extensions import assert_type

import sideloop
from sideloop import LoopManager, Runner


async def length(text: str) -> int:
    raise NotImplementedError


async def either(n: int) -> str | None:
    raise NotImplementedError


async def with_default(text: str, strict: bool = False) -> bytes:
    raise NotImplementedError


async def two(text: str, strict: bool) -> bytes:
    raise NotImplementedError


def future(n: int) -> "asyncio.Future[bool]":
    raise NotImplementedError


def sync(text: str) -> int:
    raise NotImplementedError


async def generator(text: str) -> AsyncIterator[int]:
    yield 1


class Fetcher:
    async def get(self, url: str) -> bytes:
        raise NotImplementedError

    async def __call__(self, url: str) -> list[int]:
        raise NotImplementedError


def answers_have_the_functions_type(fetcher: Fetcher, urls: Iterable[str]) -> None:
    for answer in sideloop.map(length, urls):
        assert_type(answer, int)
    assert_type(list(sideloop.map(length, ["a", "b"])), list[int])
    assert_type(list(sideloop.map(either, range(3))), list[str | None])
    assert_type(list(sideloop.map(with_default, urls)), list[bytes])
    assert_type(list(sideloop.map(future, {1, 2})), list[bool])
    assert_type(list(sideloop.map(fetcher.get, urls)), list[bytes])
    assert_type(list(sideloop.map(fetcher, urls)), list[list[int]])
    assert_type(list(sideloop.map(functools.partial(with_default, strict=True), urls)), list[bytes])
    assert_type(list(sideloop.map(lambda n: either(n), range(3))), list[str | None])


def options_leave_the_type(urls: list[str]) -> None:
    options = sideloop.map(length, urls, limit=3, ordered=False, progress=True)
    assert_type(list(options), list[int])
    assert_type(list(sideloop.map(length, urls, executor=None)), list[int])
    with ProcessPoolExecutor() as processes, ThreadPoolExecutor() as threads:
        assert_type(list(sideloop.map(length, urls, executor=processes)), list[int])
        assert_type(list(sideloop.map(length, urls, executor=threads)), list[int])


def exceptions_are_answers_if_that_is_asked_for(urls: list[str]) -> None:
    collected = sideloop.map(length, urls, return_exceptions=True)
    assert_type(next(collected), int | BaseException)
    raised = sideloop.map(length, urls, return_exceptions=False)
    assert_type(next(raised), int)


def it_is_an_iterator_that_can_be_closed(urls: list[str]) -> None:
    plain: Iterator[int] = sideloop.map(length, urls)
    with sideloop.map(length, urls) as answers:
        assert_type(next(answers), int)
    assert_type(answers.close(), None)
    print(plain)


def maps_may_be_chained(urls: list[str]) -> None:
    assert_type(list(sideloop.map(either, sideloop.map(length, urls))), list[str | None])


def those_of_managers_and_runners_are_as_exact(
    manager: LoopManager, runner: Runner, fetcher: Fetcher, urls: list[str]
) -> None:
    assert_type(list(manager.map(length, urls, limit=3, ordered=False)), list[int])
    assert_type(list(manager.map(fetcher.get, urls)), list[bytes])
    assert_type(next(manager.map(length, urls, return_exceptions=True)), int | BaseException)
    assert_type(list(runner.map(either, range(3))), list[str | None])
    assert_type(next(runner.map(length, urls, return_exceptions=True)), int | BaseException)
    with runner.map(length, urls) as answers:
        assert_type(next(answers), int)
    manager.map(length, [1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    runner.map(sync, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    runner.map(length, urls, limit="3")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def it_refuses_what_does_not_fit(urls: list[str], numbers: list[int]) -> None:
    sideloop.map(length, numbers)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.map(two, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.map(sync, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.map(generator, urls)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sideloop.map(length("a"), urls)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    sideloop.map(length, 1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    sideloop.map(length)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sideloop.map(length, urls, urls)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sideloop.map(length, urls, limit="3")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    sideloop.map(length, urls, executor=4)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    sideloop.map(async_fn=length, items=urls)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    a: list[str] = list(sideloop.map(length, urls))  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    b: Callable[[str], Coroutine[Any, Any, int]] = sideloop.map(length, urls)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(a, b)
