"""What `await` takes and refuses, where we await."""

import asyncio
import gc
import types
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

import pytest
from hosts import Drive, MakeRunner

import sideloop
from sideloop import LoopManager


class Until:
    """An awaitable whose iterator has no `throw`."""

    def __await__(self) -> "Until":  # type: ignore[misc]
        self._future = asyncio.get_running_loop().create_future()
        return self

    def __iter__(self) -> "Until":
        return self

    def __next__(self) -> Any:
        self._future._asyncio_future_blocking = True
        return self._future


class Awaits:
    """An awaitable whose `__await__` does this."""

    def __init__(self, awaits: Callable[[], Any]) -> None:
        self._awaits = awaits

    def __await__(self) -> Any:
        return self._awaits()


async def coroutine() -> str:
    return "value"


def plain() -> Iterator[None]:
    yield
    return "value"  # type: ignore[return-value]  # a generator's value


@types.coroutine
def old() -> Generator[None, None, str]:
    yield
    return "value"


class FailingError(Exception):
    pass


def fail() -> Any:
    raise FailingError


SHAPES: dict[str, Callable[[], Any]] = {
    "a coroutine": coroutine,
    "an old coroutine": old,
    "a future": lambda: asyncio.ensure_future(coroutine()),
    "a plain generator": plain,
    "nothing": lambda: None,
    "a list": lambda: [1],
    "of a plain generator": lambda: Awaits(plain),
    "of an iterator": lambda: Awaits(lambda: iter(())),
    "of a list": lambda: Awaits(lambda: [1]),
    "of nothing": lambda: Awaits(lambda: None),
    "of an awaitable": lambda: Awaits(lambda: Awaits(plain)),
    "of a coroutine": lambda: Awaits(coroutine),
    "of an old coroutine": lambda: Awaits(old),
    "of a failure": lambda: Awaits(fail),
    "that yields a number": lambda: Awaits(lambda: iter([1])),
}


def outcome_of(run: Callable[[], Any]) -> object:
    try:
        return run()
    except BaseException as error:
        return type(error)


class Handed(AsyncGenerator[Any, None]):
    """An asynchronous generator that is none of the language's."""

    def __init__(self, shape: Callable[[], Any]) -> None:
        self._shape = shape

    def __anext__(self) -> Any:
        return self._shape()

    def asend(self, value: None) -> Any:
        raise NotImplementedError

    def athrow(self, *error: Any) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
class TestWhatAwaitTakes:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_a_call_that_brings_its_context_back_takes(self, shape: str, drive: Drive) -> None:
        async def by_await() -> object:
            return await SHAPES[shape]()

        right = outcome_of(lambda: asyncio.run(by_await()))
        manager = LoopManager(copy_context_back=True, drive=drive)
        try:
            assert outcome_of(lambda: manager.run_sync(SHAPES[shape])) == right
            assert manager.run_sync(coroutine) == "value"
        finally:
            manager.close()
        gc.collect()  # here, where the warning is expected

    @pytest.mark.parametrize("shape", SHAPES)
    def test_an_item_takes(self, shape: str, make_runner: MakeRunner) -> None:
        async def by_await() -> object:
            return await SHAPES[shape]()

        right = outcome_of(lambda: asyncio.run(by_await()))
        runner = make_runner()
        items = runner.iterate(Handed(SHAPES[shape]))
        assert outcome_of(lambda: next(items)) == right
        assert runner.run(coroutine) == "value"
        gc.collect()

    def test_is_cancelled_where_it_has_no_throw(self, make_runner: MakeRunner) -> None:
        manager = LoopManager(copy_context_back=True)
        with pytest.raises(TimeoutError) as raised, sideloop.timeout(0.05):
            manager.run_sync(Until)
        assert isinstance(raised.value.__cause__, asyncio.CancelledError | None)
        manager.close()
        with pytest.raises(TimeoutError) as raised, sideloop.timeout(0.05):
            next(make_runner().iterate(Handed(Until)))
        assert isinstance(raised.value.__cause__, asyncio.CancelledError | None)
