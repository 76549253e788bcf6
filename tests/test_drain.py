"""Drain: a runner or manager that closes when its calls have ended by themselves."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, RunnerClosedError


class Gate:
    """An async function that waits until it may end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.free = threading.Event()
        self.cancelled = False

    async def __call__(self) -> str:
        self.begun.set()
        try:
            while not self.free.is_set():
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "ended"


@pytest.fixture
def gate(threads: ThreadPoolExecutor) -> Iterator[Gate]:  # free before they end
    gate = Gate()
    yield gate
    gate.free.set()


@pytest.fixture(params=["runner", "manager"])
def owner(request: pytest.FixtureRequest, loop_factory: LoopFactory | None) -> Iterator[Any]:
    made: Any = Runner if request.param == "runner" else LoopManager
    with made(loop_factory=loop_factory, grace=1.0) as owner:
        yield owner


def run_of(owner: Any) -> Any:
    return owner.run if isinstance(owner, Runner) else owner.run_sync


class TestAClose:
    def test_waits_for_calls_that_wait_and_those_that_were_submitted(
        self, owner: Any, gate: Gate, threads: ThreadPoolExecutor
    ) -> None:
        waiting = threads.submit(run_of(owner), gate)
        assert gate.begun.wait(scaled(20))
        submitted = [owner.submit(gate) for _ in range(10)]
        closing = threads.submit(owner.close, drain=True)
        with pytest.raises(futures.TimeoutError):
            closing.result(0.1)
        gate.free.set()
        closing.result(scaled(20))
        assert waiting.result(scaled(20)) == "ended"
        assert [one.result(0) for one in submitted] == ["ended"] * 10
        assert not gate.cancelled

    def test_begins_what_is_still_in_the_queue(self, loop_factory: LoopFactory | None) -> None:
        runner = Runner(loop_factory=loop_factory)
        blocked, free = threading.Event(), threading.Event()

        async def block() -> None:
            blocked.set()
            free.wait(scaled(20))

        runner.submit(block)
        assert blocked.wait(scaled(20))
        queued = [runner.submit(asyncio.sleep, 0, number) for number in range(100)]
        free.set()
        runner.close(drain=True)
        assert [one.result(0) for one in queued] == list(range(100))

    def test_refuses_new_calls_meanwhile(
        self, gate: Gate, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        runner = Runner()
        runner.submit(gate)
        closing = threads.submit(runner.close, drain=True)
        wait_until(lambda: runner.closed)
        for call in (runner.run, runner.submit):
            with pytest.raises(RunnerClosedError, match="was not started"):
                call(asyncio.sleep, 0)
        gate.free.set()
        closing.result(scaled(20))

    def test_leaves_a_manager_usable(self, gate: Gate) -> None:
        with LoopManager() as manager:
            future = manager.submit(gate)
            gate.free.set()
            manager.close(drain=True)
            assert future.result(0) == "ended"
            assert manager.run_sync(asyncio.sleep, 0, "slept") == "slept"

    def test_cancels_what_runs_when_its_time_is_over(self, owner: Any, gate: Gate) -> None:
        future = owner.submit(gate)
        assert gate.begun.wait(scaled(20))
        with pytest.raises(TimeoutError, match=r"Runner\.close"), sideloop.timeout(0.1):
            owner.close(drain=True)
        assert gate.cancelled
        with pytest.raises(RunnerClosedError):
            future.result(0)

    def test_cancels_a_call_that_its_caller_gives_up(
        self, gate: Gate, threads: ThreadPoolExecutor
    ) -> None:
        def call() -> None:
            with sideloop.timeout(0.3):
                runner.run(gate)

        runner = Runner()
        giving_up = threads.submit(call)
        assert gate.begun.wait(scaled(20))
        runner.close(drain=True)
        assert gate.cancelled
        with pytest.raises(TimeoutError):
            giving_up.result(scaled(20))

    def test_does_not_wait_for_background_tasks_nor_between_steps(self, owner: Any) -> None:
        left = []

        async def background() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                left.append("background")

        async def start() -> None:
            left.append(asyncio.create_task(background()))
            await asyncio.sleep(0)

        async def items() -> AsyncIterator[int]:
            try:
                yield 1
                yield 2
            finally:
                left.append("items")

        run_of(owner)(start)
        steps = owner.iterate(items())
        assert next(steps) == 1
        owner.close(drain=True)
        assert {"background", "items"} <= set(map(str, left[1:]))

    def test_by_whom_a_call_waits_for_is_refused(self) -> None:
        with Runner() as runner, Runner() as other:

            async def close() -> None:
                with pytest.raises(DeadlockError):
                    runner.close(drain=True)
                with pytest.raises(RuntimeError, match="cannot be closed by a coroutine"):
                    other.close(drain=True)

            async def outer() -> None:
                other.run(close)

            runner.run(outer)
            assert runner.run(asyncio.sleep, 0, "slept") == "slept"

    def test_is_cut_short_by_one_that_does_not_drain(
        self, gate: Gate, threads: ThreadPoolExecutor
    ) -> None:
        runner = Runner()
        future = runner.submit(gate)
        assert gate.begun.wait(scaled(20))
        closing = threads.submit(runner.close, drain=True)
        with pytest.raises(futures.TimeoutError):
            closing.result(0.05)
        runner.close()
        closing.result(scaled(20))
        with pytest.raises(RunnerClosedError):
            future.result(0)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_of_what_has_nothing_to_do_ends_at_once(self, drive: Any) -> None:
        new = Runner(drive=drive)
        new.close(drain=True)
        new.close(drain=True)
        used = Runner(drive=drive)
        used.run(asyncio.sleep, 0)
        used.close(drain=True)
        assert used.closed
        with contextlib.suppress(RunnerClosedError):
            used.run(asyncio.sleep, 0)

    def test_waits_for_no_call_that_was_left_behind(
        self, gate: Gate, threads: ThreadPoolExecutor
    ) -> None:
        async def stubborn() -> None:
            while not gate.free.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)

        runner = Runner(grace=0.05)
        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            runner.run(stubborn)
        threads.submit(runner.close, drain=True).result(scaled(20))
