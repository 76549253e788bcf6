"""Submit through a manager: to the runner that serves the thread, which is kept for the call."""

import asyncio
import functools
import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import programs
import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, NestingError, RunnerClosedError, loop_manager
from sideloop._manager.runners import IDLE_LIMIT


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def in_a_thread(do: Callable[[], None]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


class TestTheCall:
    def test_has_its_outcome_in_the_future(self, manager: LoopManager) -> None:
        assert manager.submit(add, 10, b=12).result(scaled(20)) == 22
        error = KeyError("the one")

        async def fail() -> None:
            raise error

        assert manager.submit(fail).exception(scaled(20)) is error

    def test_goes_to_the_loop_of_the_calls_of_the_thread(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        def both() -> tuple[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop]:
            submitted = manager.submit(running_loop)
            return submitted.result(scaled(20)), manager.run_sync(running_loop)

        here, there = both(), threads.submit(both).result(scaled(20))
        assert here[0] is here[1]
        assert there[0] is there[1]
        assert here[0] is not there[0]

    def test_goes_to_the_one_loop_of_the_process(self, threads: ThreadPoolExecutor) -> None:
        with LoopManager(scope="process") as manager:
            loop = manager.run_sync(running_loop)
            found = list(threads.map(lambda _: manager.submit(running_loop), range(16)))
            assert {future.result(scaled(20)) for future in found} == {loop}

    def test_in_a_coroutine_goes_one_depth_below_so_that_it_can_be_waited_for(
        self, manager: LoopManager
    ) -> None:
        async def outer() -> tuple[int, bool]:
            future = manager.submit(add, 10, b=12)
            inner = manager.submit(running_loop).result(scaled(20))
            return future.result(scaled(20)), inner is asyncio.get_running_loop()

        assert manager.run_sync(outer) == (22, False)

    def test_may_be_the_default_managers(self) -> None:
        assert loop_manager.submit(add, 10, b=12).result(scaled(20)) == 22

    def test_is_not_limited_by_the_time_of_who_submits(self, manager: LoopManager) -> None:
        with sideloop.timeout(0.01):
            future = manager.submit(asyncio.sleep, 0.1, result="slept")
        assert future.result(scaled(20)) == "slept"

    def test_nested_too_deep_is_an_error(self) -> None:
        async def deeper(manager: LoopManager, depth: int) -> int:
            if depth == 0:
                return manager.submit(add, 1, 2).result(scaled(20))
            return manager.run_sync(deeper, manager, depth - 1)

        with LoopManager() as manager:
            assert manager.run_sync(deeper, manager, 10) == 3
            with pytest.raises(NestingError):
                manager.run_sync(deeper, manager, 127)


class TestAtTheDoor:
    def test_what_is_no_async_function_is_refused(self, manager: LoopManager) -> None:
        for wrong in (add(1, 2), 7):
            with pytest.raises(TypeError, match="expected an async function"):
                manager.submit(wrong)  # type: ignore[arg-type]
        assert manager.runners() == []

    def test_a_sync_twin_is_refused_and_its_aio_is_not(self, manager: LoopManager) -> None:
        twin = manager.synced(add)
        for refused in (twin, functools.partial(twin, 1)):
            with pytest.raises(TypeError, match=r"sync twin .*add\.aio"):
                manager.submit(refused, 2)  # type: ignore[arg-type]
        assert manager.submit(twin.aio, 10, b=12).result(scaled(20)) == 22

    def test_a_call_that_nobody_would_run_is_refused(self) -> None:
        with (
            LoopManager(drive="caller") as manager,
            pytest.raises(RuntimeError, match=r"add\(\) was not submitted.*call it and wait"),
        ):
            manager.submit(add, 10, b=12)


class Gate:
    """Async functions that go on when they are let."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.release = threading.Event()

    async def pass_through(self) -> str:
        self.began.set()
        while not self.release.is_set():
            await asyncio.sleep(0.001)
        return "passed"

    async def block(self) -> str:
        self.began.set()
        self.release.wait(scaled(20))
        return "blocked"


class TestAThreadThatEnds:
    def test_leaves_what_it_has_submitted_running_however_many_runners_are_idle(self) -> None:
        gate, crowded = Gate(), threading.Event()
        futures: list[Future[str]] = []

        def submit() -> None:
            futures.append(manager.submit(gate.pass_through))
            assert crowded.wait(scaled(20))

        with LoopManager() as manager:
            submitting = threading.Thread(target=submit)
            submitting.start()
            assert gate.began.wait(scaled(20))
            (runner,) = manager.runners()
            everybody = threading.Barrier(IDLE_LIMIT)

            def call() -> None:
                manager.run_sync(add, 1, 2)
                everybody.wait(scaled(20))

            callers = [threading.Thread(target=call) for _ in range(IDLE_LIMIT)]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            crowded.set()
            submitting.join()
            assert not runner.closed
            gate.release.set()
            assert futures[0].result(scaled(20)) == "passed"

    def test_gives_its_runner_back_when_the_call_has_ended_though_the_future_is_kept(
        self, wait_until: WaitUntil
    ) -> None:
        futures: list[Future[int]] = []
        with LoopManager() as manager:
            for _ in range(3):
                in_a_thread(lambda: futures.append(manager.submit(add, 1, 2)))
                assert futures[-1].result(scaled(20)) == 3
                wait_until(lambda: manager._finder.runners().idle)
            # Else there would be one for each.
            assert len(manager.runners()) == 1

    def test_of_a_manager_that_nobody_has_any_more_still_gets_its_outcome(self) -> None:
        gate = Gate()
        future = LoopManager(scope="process").submit(gate.pass_through)
        assert gate.began.wait(scaled(20))
        gc.collect()
        gate.release.set()
        assert future.result(scaled(20)) == "passed"
        gc.collect()


class TestClosingTheManager:
    def test_cancels_the_task_and_fails_the_future(self) -> None:
        gate = Gate()
        with LoopManager() as manager:
            future = manager.submit(gate.pass_through)
            assert gate.began.wait(scaled(20))
        with pytest.raises(RunnerClosedError, match="cancelled before"):
            future.result(0)

    def test_fails_a_call_that_has_not_begun_and_makes_no_other_runner(self) -> None:
        gate = Gate()
        manager = LoopManager(grace=0.1)
        blocking = manager.submit(gate.block)
        assert gate.began.wait(scaled(20))
        future = manager.submit(add, 10, b=12)
        threading.Timer(0.05, gate.release.set).start()
        manager.close(5)
        with pytest.raises(RunnerClosedError, match="was not started"):
            future.result(scaled(20))
        assert blocking.done()
        assert manager.runners() == []
        assert manager.submit(add, 10, b=12).result(scaled(20)) == 22
        manager.close()

    def test_whose_loop_was_stopped_lets_a_call_that_has_not_begun_run_on_the_next_one(
        self,
    ) -> None:
        gate = Gate()

        async def stop_and_block() -> None:
            asyncio.get_running_loop().stop()
            await gate.block()

        with LoopManager() as manager:
            stopping = manager.submit(stop_and_block)
            assert gate.began.wait(scaled(20))
            future = manager.submit(add, 10, b=12)
            gate.release.set()
            assert future.result(scaled(20)) == 22
            stopping.exception(scaled(20))
            assert len(manager.runners()) == 1


@pytest.mark.parametrize("flags", [(), ("-X", "dev")])
class TestTheEndOfTheInterpreter:
    @pytest.mark.parametrize(
        ("what", "said"),
        [
            ("pending", ["RunnerClosedError", "RunnerClosedError", "unwound", "unwound"]),
            ("forgotten", ["unwound", "unwound"]),
            ("daemon", ["unwound"]),
            ("worker", ["22"]),
            ("at_exit", ["22", "22", "22"]),
        ],
    )
    def test_is_quiet_and_lets_what_was_submitted_unwind(
        self, what: str, said: list[str], flags: tuple[str, ...]
    ) -> None:
        ended = programs.run("submitted", what, flags=("-W", "error", *flags))
        assert (ended.code, ended.stderr) == (0, "")
        assert sorted(ended.lines) == said

    def test_after_ctrl_c_closes_the_manager_whose_block_it_has_left(
        self, flags: tuple[str, ...]
    ) -> None:
        ended = programs.run("submitted", "interrupted", flags=("-W", "error", *flags))
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.lines == ["unwound", "KeyboardInterrupt [] 22"]
