"""A call that is stopped while its task waits for a nested call: that is stopped with it."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, drive

Entry = Callable[[LoopManager, Any], object]

ENTRIES: dict[str, Entry] = {
    "run_sync": lambda manager, async_fn: manager.run_sync(async_fn),
    "iterate": lambda manager, async_fn: list(manager.iterate(items(async_fn))),
    "map": lambda manager, async_fn: list(manager.map(lambda _: async_fn(), [1])),
    "submit": lambda manager, async_fn: manager.submit(async_fn).result(),
    "driven": lambda _, async_fn: driven(async_fn),
    "drive": lambda _, async_fn: driven_by_hand(async_fn),
}


async def items(async_fn: Any) -> Any:
    yield await async_fn()


def driven(async_fn: Any) -> object:
    with Runner(drive="caller") as runner:
        return runner.run(async_fn)


def driven_by_hand(async_fn: Any) -> object:
    loop = asyncio.new_event_loop()
    try:
        return drive(loop, async_fn)
    finally:
        loop.close()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


class Sleeper:
    """Sleeps until it is cancelled, and takes some turns to clean up."""

    def __init__(self) -> None:
        self.sleeps = threading.Event()
        self.done: list[str] = []

    async def __call__(self) -> None:
        try:
            self.sleeps.set()
            await asyncio.sleep(scaled(60))
        finally:
            await asyncio.sleep(0.01)
            self.done.append("inside")


@pytest.fixture
def manager() -> Iterator[LoopManager]:
    with LoopManager(grace=scaled(30)) as manager:
        yield manager


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(grace=scaled(30)) as runner:
        yield runner


def cancelled(future: Future[Any]) -> bool:
    assert future.cancel()
    try:
        future.result(scaled(20))
    except CancelledError:
        return True
    return False


class TestACallWhoseTaskWaits:
    @pytest.mark.parametrize("entry", ENTRIES)
    def test_ends_when_what_it_waits_for_has_cleaned_up(
        self, manager: LoopManager, runner: Runner, entry: str, wait_until: WaitUntil
    ) -> None:
        sleeper = Sleeper()

        async def outer() -> None:
            try:
                ENTRIES[entry](manager, sleeper)
            finally:
                await asyncio.sleep(0.01)
                await asyncio.sleep(0.01)
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: len(sleeper.done) == 2)
        assert sorted(sleeper.done) == ["inside", "outside"]
        assert runner.run(answer) == 42

    def test_ends_through_any_depth(self, manager: LoopManager, wait_until: WaitUntil) -> None:
        sleeper = Sleeper()

        async def level(number: int) -> None:
            try:
                if number:
                    manager.run_sync(level, number - 1)
                else:
                    await sleeper()
            finally:
                await asyncio.sleep(0)
                sleeper.done.append(f"level {number}")

        future = manager.submit(level, 5)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        levels = [f"level {number}" for number in range(6)]
        wait_until(lambda: sleeper.done == ["inside", *levels])

    def test_may_call_again_while_it_cleans_up(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        sleeper = Sleeper()

        async def outer() -> None:
            try:
                manager.run_sync(sleeper)
            finally:
                assert manager.run_sync(answer) == 42
                assert await answer() == 42
                assert manager.run_sync(answer) == 42
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: sleeper.done == ["inside", "outside"])

    def test_ends_with_what_an_errand_of_the_nested_call_waits_for(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        sleeper = Sleeper()

        async def inside() -> None:
            with Runner() as other:
                task = asyncio.create_task(sideloop.run_on_caller(other.run, sleeper))
                try:
                    await asyncio.sleep(scaled(60))
                finally:
                    sleeper.done.append("nested")
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

        async def outer() -> None:
            try:
                manager.run_sync(inside)
            finally:
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: len(sleeper.done) == 3)
        assert sorted(sleeper.done) == ["inside", "nested", "outside"]
        assert sleeper.done[-1] == "outside"
        assert runner.run(answer) == 42

    def test_lets_errands_that_clean_up_call(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        """Its cancellation is on its way through the nested call, and is none of the errand's."""
        sleeper = Sleeper()

        async def inside() -> None:
            try:
                await sleeper()
            finally:
                with Runner() as other:
                    found = await sideloop.run_on_caller(other.run, answer)
                sleeper.done.append(f"nested {found}")

        async def outer() -> None:
            try:
                manager.run_sync(inside)
            finally:
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: len(sleeper.done) == 3)
        assert sleeper.done == ["inside", "nested 42", "outside"]
        assert runner.run(answer) == 42

    def test_is_still_cancelled_if_what_it_waits_for_ignores_that(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        sleeper = Sleeper()

        async def stubborn() -> int:
            try:
                await sleeper()
            except asyncio.CancelledError:
                return 42
            return 0

        async def outer() -> None:
            assert manager.run_sync(stubborn) == 42
            try:
                await asyncio.sleep(scaled(60))
            finally:
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: sleeper.done == ["inside", "outside"])

    def test_hears_of_it_in_the_call_that_it_makes_next(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        """As at an `await`: the loop has not turned in between."""
        computing, go_on = threading.Event(), threading.Event()
        sleeper = Sleeper()

        async def outer() -> None:
            computing.set()
            assert go_on.wait(scaled(20))
            try:
                manager.run_sync(sleeper)
            finally:
                await asyncio.sleep(0.01)
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert computing.wait(scaled(20))
        assert future.cancel()
        go_on.set()
        wait_until(lambda: sleeper.done == ["outside"])
        assert not sleeper.sleeps.is_set()

    def test_ends_if_a_child_task_of_it_waits(
        self, manager: LoopManager, runner: Runner, wait_until: WaitUntil
    ) -> None:
        sleeper = Sleeper()

        async def child() -> None:
            manager.run_sync(sleeper)

        async def outer() -> None:
            try:
                await asyncio.gather(child(), asyncio.sleep(scaled(60)))
            finally:
                await asyncio.sleep(0.01)
                sleeper.done.append("outside")

        future = runner.submit(outer)
        assert sleeper.sleeps.wait(scaled(20))
        assert cancelled(future)
        wait_until(lambda: sleeper.done == ["inside", "outside"])

    def test_ends_at_its_time_limit(self, manager: LoopManager) -> None:
        sleeper = Sleeper()

        def call_without_limit() -> None:
            # On the same thread, and so a nested call, which has not inherited the limit.
            contextvars.Context().run(manager.run_sync, sleeper)

        async def outer() -> None:
            try:
                call_without_limit()
            finally:
                await asyncio.sleep(0.01)
                sleeper.done.append("outside")

        began = time.monotonic()
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.2)):
            manager.run_sync(outer)
        assert time.monotonic() - began < scaled(20)
        assert sleeper.done == ["inside", "outside"]


class TestACallBesideOneThatBlocksTheLoop:
    def test_does_not_stop_what_another_call_waits_for(
        self, manager: LoopManager, runner: Runner
    ) -> None:
        entered, go_on = threading.Event(), threading.Event()
        waits = threading.Event()

        async def wait_for_it() -> int:
            entered.set()
            await asyncio.to_thread(go_on.wait, scaled(20))
            return 42

        async def blocks() -> int:
            assert await asyncio.to_thread(waits.wait, scaled(20))
            return manager.run_sync(wait_for_it)

        async def beside() -> None:
            waits.set()
            await asyncio.sleep(scaled(60))

        blocking = runner.submit(blocks)
        future = runner.submit(beside)
        assert entered.wait(scaled(20))
        assert future.cancel()
        time.sleep(0.05)
        go_on.set()
        assert blocking.result(scaled(20)) == 42
