"""The drive: which thread may turn a loop that the caller drives, and which loops it can be."""

import asyncio
import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopManager, Runner


@pytest.fixture
def manager() -> Generator[LoopManager]:
    manager = LoopManager(drive="caller")
    yield manager
    manager.close()


@pytest.fixture
def runner() -> Generator[Runner]:
    with Runner(name="driven", drive="caller") as runner:
        yield runner


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


def native_threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))  # noqa: PTH208  # only their numbers


def caught(sync_fn: Callable[[], object]) -> BaseException:
    try:
        sync_fn()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


class TestOptions:
    def test_of_a_loop_for_the_process_are_refused(self) -> None:
        with pytest.raises(ValueError, match="belongs to one thread"):
            LoopManager(scope="process", drive="caller")

    @pytest.mark.parametrize("kind", [LoopManager, Runner])
    def test_that_are_no_drive_are_refused(self, kind: Callable[..., object]) -> None:
        with pytest.raises(ValueError, match="drive is 'thread' or 'caller', not 'nobody'"):
            kind(drive="nobody")

    @pytest.mark.parametrize("kind", [LoopManager, Runner])
    def test_with_a_loop_of_another_kind_are_refused_at_the_first_call(
        self, kind: Callable[..., Any]
    ) -> None:
        owner = kind(drive="caller", loop_factory=asyncio.new_event_loop)
        run = owner.run_sync if kind is LoopManager else owner.run
        before = open_files()
        for _ in range(2):
            with pytest.raises(TypeError, match=r"has to make a sideloop\.EventLoop"):
                run(answer)
        assert open_files() == before
        owner.close()

    @pytest.mark.parametrize("kind", [LoopManager, Runner])
    def test_with_a_factory_of_our_loops_work(self, kind: Callable[..., Any]) -> None:
        made: list[sideloop.EventLoop] = []

        def factory() -> sideloop.EventLoop:
            made.append(sideloop.EventLoop())
            return made[-1]

        owner = kind(drive="caller", loop_factory=factory)
        run = owner.run_sync if kind is LoopManager else owner.run
        assert [run(running_loop) for _ in range(2)] == made * 2
        owner.close()
        assert made[0].is_closed()


class TestARunnerOfAnotherThread:
    def test_is_a_clear_error_and_stays_usable_on_its_own(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        loop = runner.run(running_loop)
        threads.submit(int).result(scaled(20))
        before, files = native_threads(), open_files()
        error = threads.submit(caught, lambda: runner.run(answer)).result(scaled(20))
        assert isinstance(error, RuntimeError)
        assert "answer() was not started" in str(error)
        assert "driven" in str(error)
        assert (native_threads(), open_files()) == (before, files)
        assert runner.run(running_loop) is loop

    def test_cannot_be_closed_there(self, runner: Runner, threads: ThreadPoolExecutor) -> None:
        runner.run(answer)
        error = threads.submit(caught, runner.close).result(scaled(20))
        assert isinstance(error, RuntimeError)
        assert "close it there" in str(error)
        assert not runner.closed
        assert runner.run(answer) == 42

    def test_can_be_closed_anywhere_before_its_first_call(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        threads.submit(runner.close).result(scaled(20))
        with pytest.raises(sideloop.RunnerClosedError, match=r"answer\(\) was not started"):
            runner.run(answer)


class TestTwoThreads:
    def test_drive_loops_of_their_own_at_once(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        together = threading.Barrier(2)

        async def meet(number: int) -> tuple[asyncio.AbstractEventLoop, int]:
            await asyncio.to_thread(together.wait, scaled(20))
            return asyncio.get_running_loop(), number

        def call(number: int) -> set[asyncio.AbstractEventLoop]:
            found = [manager.run_sync(meet, number) for _ in range(20)]
            assert [one for _, one in found] == [number] * 20
            together.wait(scaled(20))  # both threads live until both have called
            return {loop for loop, _ in found}

        first, second = threads.map(call, range(2))
        assert (len(first), len(second)) == (1, 1)
        assert first != second


class TestARunnersOwnCoroutine:
    def test_cannot_call_through_it(self, runner: Runner) -> None:
        async def outer() -> int:
            with pytest.raises(DeadlockError, match=r"answer\(\)") as raised:
                runner.run(answer)
            assert "'driven'" in str(raised.value)
            return await answer()

        assert runner.run(outer) == 42
        assert runner.run(answer) == 42

    def test_cannot_call_through_it_by_way_of_another_runner(self, runner: Runner) -> None:
        with Runner(drive="caller") as other:

            async def inner() -> int:
                with pytest.raises(DeadlockError):
                    runner.run(answer)
                return await answer()

            async def outer() -> int:
                return other.run(inner)

            assert runner.run(outer) == 42


class TestACloseOfTheManager:
    def test_ends_ones_own_loops_now_and_those_of_other_threads_at_their_next_call(
        self, manager: LoopManager
    ) -> None:
        log: list[str] = []
        called, closed = threading.Event(), threading.Event()

        async def leave(name: str) -> None:
            async def wait() -> None:
                try:
                    await asyncio.sleep(600)
                finally:
                    log.append(name)

            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            assert not task.done()

        def elsewhere() -> None:
            manager.run_sync(leave, "theirs")
            called.set()
            assert closed.wait(scaled(20))
            assert log == ["mine"]
            manager.run_sync(asyncio.sleep, 0)
            assert log == ["mine", "theirs"]

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(elsewhere)
            assert called.wait(scaled(20))
            manager.run_sync(leave, "mine")
            manager.close()
            closed.set()
            other.result(scaled(20))


class Working:
    """A call that another thread drives, until it is cancelled or let go."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.starts: list[threading.Thread] = []
        self.cleaned_up = False
        self.over = threading.Event()
        self._entered = threading.Event()
        self.ended: list[object] = []
        self._thread = threading.Thread(target=self._call, args=[run])
        self._thread.start()
        assert self._entered.wait(scaled(20))

    def _call(self, run: Callable[..., Any]) -> None:
        try:
            self.ended.append(run(self._work))
        except BaseException as error:
            self.ended.append(error)

    async def _work(self) -> str:
        self.starts.append(threading.current_thread())
        self._entered.set()
        try:
            while not self.over.is_set():
                await asyncio.sleep(0.005)
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True
        return "done"

    def join(self) -> object:
        self._thread.join(scaled(20))
        assert self.starts == [self._thread]
        assert self.cleaned_up
        return self.ended[0]


class TestACloseByAnotherThreadDuringACall:
    def test_of_a_manager_cancels_the_call_which_is_never_started_again(
        self, manager: LoopManager
    ) -> None:
        working = Working(manager.run_sync)
        manager.close()
        error = working.join()
        assert isinstance(error, sideloop.RunnerClosedError)
        assert "_work() was cancelled before it ended" in str(error)
        assert manager.run_sync(answer) == 42

    def test_of_a_manager_cancels_a_nested_call_too(self, manager: LoopManager) -> None:
        ended: list[object] = []

        def nested(async_fn: Callable[[], Any]) -> object:
            async def outer() -> object:
                try:
                    return manager.run_sync(async_fn)
                except BaseException as error:
                    ended.append(error)
                    raise

            return manager.run_sync(outer)

        working = Working(nested)
        manager.close()
        for error in (working.join(), ended[0]):
            assert isinstance(error, sideloop.RunnerClosedError)
        assert manager.run_sync(answer) == 42

    def test_of_a_manager_ends_a_step(self, manager: LoopManager) -> None:
        def step(async_fn: Callable[[], Any]) -> object:
            async def items() -> Any:
                yield await async_fn()

            return next(iter(manager.iterate(items())))

        working = Working(step)
        manager.close()
        assert isinstance(working.join(), sideloop.RunnerClosedError)

    def test_of_a_runner_is_refused_and_speaks_of_the_thread(self) -> None:
        runner = Runner(name="driven", drive="caller")

        def run(async_fn: Callable[[], Any]) -> object:
            with runner:
                return runner.run(async_fn)

        working = Working(run)
        with pytest.raises(RuntimeError, match="driven by the thread that made") as raised:
            runner.close()
        assert "coroutine" not in str(raised.value)
        assert not runner.closed
        working.over.set()
        assert working.join() == "done"

    def test_of_a_runner_by_its_own_coroutine_is_refused_and_speaks_of_that(
        self, runner: Runner
    ) -> None:
        async def close() -> None:
            runner.close()

        with pytest.raises(RuntimeError, match="by a coroutine on its own loop"):
            runner.run(close)
        assert runner.run(answer) == 42

    def test_of_the_loop_by_a_callback_of_another_threads_is_a_stopped_loop(
        self, runner: Runner
    ) -> None:
        loops: list[asyncio.AbstractEventLoop] = []

        async def work() -> None:
            loops.append(asyncio.get_running_loop())
            threading.Thread(target=loops[0].call_soon_threadsafe, args=[loops[0].stop]).start()
            await asyncio.sleep(60)

        with pytest.raises(sideloop.LoopStoppedError):
            runner.run(work)
        assert runner.run(running_loop) is not loops[0]


class TestALoopThatTheUserRuns:
    def test_is_not_waited_for_by_a_call_from_inside(self, runner: Runner) -> None:
        loop = runner.run(running_loop)

        async def calls() -> None:
            with pytest.raises(DeadlockError):
                runner.run(asyncio.sleep, 0)

        loop.run_until_complete(calls())
