"""Who is told when: read-ahead, and many steps in one batch."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor

import pytest
from aliases import WaitUntil
from hosts import PATIENCE, MakeRunner, count

import sideloop
from sideloop import Runner


class TestReadingAhead:
    @pytest.mark.parametrize("read_ahead", [1, 2, 64])
    def test_hands_an_item_over_before_the_next_one_is_begun(
        self, make_runner: MakeRunner, read_ahead: int
    ) -> None:
        used = [threading.Event() for _ in range(5)]

        async def items() -> AsyncIterator[int]:
            for number in range(5):
                assert number == 0 or used[number - 1].wait(PATIENCE), "the consumer waits"
                yield number

        for number in make_runner().iterate(items(), read_ahead=read_ahead):
            used[number].set()

    def test_hands_one_over_that_its_consumer_waits_for_before_it_goes_on(
        self, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        go_on, used = threading.Event(), threading.Event()
        asked: list[int] = []

        async def items() -> AsyncIterator[int]:
            yield 0
            assert go_on.wait(PATIENCE)
            yield 1
            assert used.wait(PATIENCE), "the consumer waits"
            yield 2

        def take() -> int:
            asked.append(1)
            return next(iterator)

        with Runner() as runner:
            iterator = runner.iterate(items(), read_ahead=8)
            assert next(iterator) == 0
            second = threads.submit(take)
            wait_until(lambda: asked)
            threading.Event().wait(0.05)  # most likely it has looked, and waits
            go_on.set()
            assert second.result(PATIENCE) == 1
            used.set()
            assert list(iterator) == [2]

    def test_lets_others_go_first(self, threads: ThreadPoolExecutor) -> None:
        begun, permits = threading.Event(), threading.Semaphore(0)
        made: list[int] = []

        async def items() -> AsyncIterator[int]:
            yield 0
            for number in range(1, 9):
                begun.set()
                assert permits.acquire(timeout=PATIENCE)
                made.append(number)
                yield number

        async def answer() -> str:
            return "answered"

        with Runner() as runner:
            iterator = runner.iterate(items(), read_ahead=8)
            assert next(iterator) == 0
            assert begun.wait(PATIENCE)
            call = threads.submit(runner.run, answer)
            while sideloop.statistics().calls.waiting < 1:
                threading.Event().wait(0.002)
            threading.Event().wait(0.05)
            # The item that is being made, and the one whose turn it was: no third one.
            permits.release(2)
            assert call.result(PATIENCE) == "answered"
            assert len(made) <= 2
            permits.release(8)
            assert list(iterator) == list(range(1, 9))

    def test_is_lost_by_closing(self, make_runner: MakeRunner) -> None:
        items = make_runner().iterate(count(100), read_ahead=10)
        assert next(items) == 0
        items.close()
        assert list(items) == []


class TestManyInOneBatch:
    def test_are_told_before_the_next_ones_code_runs(self, threads: ThreadPoolExecutor) -> None:
        held, hold = threading.Event(), threading.Event()
        answered = threading.Event()

        async def busy() -> None:
            held.set()
            assert hold.wait(PATIENCE)

        async def forever() -> AsyncIterator[int]:
            while True:
                yield 0

        async def after_the_answer() -> AsyncIterator[int]:
            yield 0
            assert answered.wait(PATIENCE), "the one before is told later"
            yield 1

        def also_a_call() -> Awaitable[object]:
            assert answered.wait(PATIENCE), "the one before is told later"
            return asyncio.sleep(0, "called")

        def wait_for_the_entry(number: int) -> None:
            while sideloop.statistics().calls.waiting < number:
                threading.Event().wait(0.002)
            threading.Event().wait(0.05)

        with Runner() as runner:
            quick, slow = runner.iterate(forever()), runner.iterate(after_the_answer())
            assert next(quick) == next(slow) == 0
            blocker = threads.submit(runner.run, busy)
            assert held.wait(PATIENCE)
            first = threads.submit(next, quick)
            first.add_done_callback(lambda _: answered.set())
            wait_for_the_entry(2)
            second = threads.submit(next, slow)
            third = threads.submit(runner.run, also_a_call)
            wait_for_the_entry(4)
            hold.set()
            blocker.result(PATIENCE)
            assert first.result(PATIENCE) == 0
            assert second.result(PATIENCE) == 1
            assert third.result(PATIENCE) == "called"
            quick.close()
