"""Iterators that are somebody else's, seen from sync code."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aliases import WaitUntil
from hosts import MakeRunner, count

from sideloop import LoopManager


class Feed:
    """Hands out one long-lived iterator."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __aiter__(self) -> Any:
        return self.items


class Numbers:
    """An iterator that can be closed, and is none of the language's generators."""

    def __init__(self) -> None:
        self.number = 0
        self.closed = False

    def __aiter__(self) -> "Numbers":
        return self

    async def __anext__(self) -> int:
        if self.closed or self.number == 6:
            raise StopAsyncIteration
        self.number += 1
        return self.number - 1

    async def aclose(self) -> None:
        self.closed = True


SHARED = pytest.mark.parametrize("make", [lambda: count(6), Numbers], ids=["generator", "class"])


class TestAnIteratorThatIsSomebodyElses:
    @SHARED
    @pytest.mark.parametrize("read_ahead", [0, 1])
    def test_goes_on_after_a_break(
        self, make_runner: MakeRunner, make: Callable[[], Any], read_ahead: int
    ) -> None:
        runner, feed = make_runner(), Feed(make())
        taken: list[int] = []
        for number in runner.iterate(feed, read_ahead=read_ahead):
            taken.append(number)
            if number == 1:
                break
        runner.run(asyncio.sleep, 0.01)
        rest = list(runner.iterate(feed))
        # What was made ahead is lost, and no more than that.
        assert rest[-3:] == [3, 4, 5]
        assert rest == [2, 3, 4, 5] or read_ahead

    @SHARED
    def test_goes_on_after_a_close(self, make_runner: MakeRunner, make: Callable[[], Any]) -> None:
        runner, feed = make_runner(), Feed(make())
        with runner.iterate(feed) as items:
            assert next(items) == 0
        items = runner.iterate(feed)
        assert next(items) == 1
        items.close()
        assert list(runner.iterate(feed)) == [2, 3, 4, 5]

    def test_is_still_finished_by_its_loop_when_nobody_holds_it(
        self, make_runner: MakeRunner, wait_until: WaitUntil
    ) -> None:
        finished: list[bool] = []

        async def items() -> AsyncIterator[int]:
            try:
                yield 0
                yield 1
            finally:
                await asyncio.sleep(0)
                finished.append(True)

        runner, feed = make_runner(), Feed(items())
        with runner.iterate(feed) as iterator:
            assert next(iterator) == 0
        assert finished == []
        del feed, iterator

        def is_finished() -> bool:
            gc.collect()
            runner.run(asyncio.sleep, 0)
            return finished == [True]

        wait_until(is_finished)

    def test_belongs_to_us_if_it_was_made_for_us(self, make_runner: MakeRunner) -> None:
        finished: list[str] = []

        class Pages:
            def __init__(self, name: str) -> None:
                self.name = name

            async def __aiter__(self) -> AsyncIterator[int]:
                try:
                    yield 0
                    yield 1
                finally:
                    await asyncio.sleep(0)
                    finished.append(self.name)

        runner = make_runner()
        with runner.iterate(Pages("with")) as items:
            assert next(items) == 0
        assert finished == ["with"]
        items = runner.iterate(Pages("close"))
        assert next(items) == 0
        items.close()
        assert finished == ["with", "close"]
        assert list(runner.iterate(Pages("all"))) == [0, 1]
        assert finished == ["with", "close", "all"]

    def test_of_a_twin_goes_on(self, kind: str) -> None:
        manager = LoopManager(drive="caller" if kind == "driven" else "thread")

        @manager.synced
        class Stream:
            def __init__(self) -> None:
                self.items = count(4)

            def __aiter__(self) -> AsyncIterator[int]:
                return self.items

        stream: Any = Stream()
        for number in stream:
            if number == 0:
                break
        manager.run_sync(asyncio.sleep, 0.01)
        assert list(stream) == [1, 2, 3]
        manager.close()
