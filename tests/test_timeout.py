"""Time limits: the task unwinds, then the caller gets TimeoutError."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from aliases import LoopFactory, WaitUntil

import sideloop
from sideloop import LoopManager, Runner

GRACE = 0.1


@pytest.fixture
def impatient(loop_factory: LoopFactory | None) -> Generator[LoopManager]:
    """A manager that gives cancelled tasks little grace."""
    manager = LoopManager(loop_factory=loop_factory, grace=GRACE)
    yield manager
    manager.close()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def forever() -> None:
    await asyncio.Event().wait()


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def timed_out(sync_fn: Callable[[], object], seconds: float = 0.02) -> TimeoutError:
    with sideloop.timeout(seconds), pytest.raises(TimeoutError) as raised:
        sync_fn()
    return raised.value


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sideloop"]


class TestTimeout:
    def test_says_which_call_did_not_end_and_what_the_limit_was(self, manager: LoopManager) -> None:
        error = timed_out(lambda: manager.run_sync(forever), 0.02)
        assert "forever()" in str(error)
        assert "0.02 s" in str(error)

    def test_lets_the_cleanup_run_before_it_is_raised(self, manager: LoopManager) -> None:
        log: list[str] = []

        async def wait() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.02)
                log.append("cleaned up")

        timed_out(lambda: manager.run_sync(wait))
        assert log == ["cleaned up"]

    def test_has_the_cancellation_as_its_cause(self, manager: LoopManager) -> None:
        error = timed_out(lambda: manager.run_sync(forever))
        assert isinstance(error.__cause__, asyncio.CancelledError)

    def test_has_what_the_cleanup_raised_as_its_cause(self, manager: LoopManager) -> None:
        failure = ValueError("in the cleanup")

        async def wait() -> None:
            try:
                await forever()
            finally:
                raise failure

        assert timed_out(lambda: manager.run_sync(wait)).__cause__ is failure

    def test_is_raised_although_the_task_returns_when_it_is_cancelled(
        self, manager: LoopManager
    ) -> None:
        async def wait() -> str:
            with contextlib.suppress(asyncio.CancelledError):
                await forever()
            return "too late"

        timed_out(lambda: manager.run_sync(wait))

    def test_does_not_touch_a_call_that_ends_in_time(self, manager: LoopManager) -> None:
        error = ValueError("why")

        async def fail() -> None:
            raise error

        with sideloop.timeout(60):
            assert manager.run_sync(answer) == 42
            with pytest.raises(ValueError, match="why") as raised:
                manager.run_sync(fail)
        assert raised.value is error

    def test_leaves_the_runner_usable(self, manager: LoopManager) -> None:
        before = manager.run_sync(running_loop)
        for _ in range(3):
            timed_out(lambda: manager.run_sync(forever))
        assert manager.run_sync(running_loop) is before

    def test_leaves_no_task_on_the_loop(self, manager: LoopManager) -> None:
        async def count() -> int:
            return len(asyncio.all_tasks())

        timed_out(lambda: manager.run_sync(forever))
        assert manager.run_sync(count) == 1  # the one that counts

    def test_harms_no_other_call_on_the_same_loop(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        gates: list[asyncio.Event] = []
        waiting = threading.Event()

        async def wait() -> str:
            gates.append(asyncio.Event())
            waiting.set()
            await gates[0].wait()
            return "undisturbed"

        async def open_gate() -> None:
            gates[0].set()

        other = threads.submit(runner.run, wait)
        assert waiting.wait(20)
        timed_out(lambda: runner.run(forever))
        runner.run(open_gate)
        assert other.result(20) == "undisturbed"

    def test_limits_a_runner_and_a_sync_twin_too(
        self, runner: Runner, manager: LoopManager
    ) -> None:
        timed_out(lambda: runner.run(forever))
        timed_out(manager.synced(forever))

    def test_works_on_a_thread_that_is_not_the_main_one(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        threads.submit(timed_out, lambda: manager.run_sync(forever)).result(20)

    def test_leaves_asyncios_own_timeouts_alone(self, manager: LoopManager) -> None:
        error: list[BaseException] = []

        async def wait() -> None:
            try:
                await asyncio.wait_for(forever(), 0.01)
            except asyncio.TimeoutError as own:  # another class on 3.10
                error.append(own)
                raise

        with sideloop.timeout(60), pytest.raises(asyncio.TimeoutError) as raised:
            manager.run_sync(wait)
        assert raised.value is error[0]

    def test_has_at_most_one_frame_of_ours_in_its_traceback(self, manager: LoopManager) -> None:
        error = timed_out(lambda: manager.run_sync(forever))
        files: list[str] = []
        at = error.__traceback__
        while at is not None:
            files.append(at.tb_frame.f_code.co_filename)
            at = at.tb_next
        assert len([file for file in files if file != __file__]) <= 1


class TestTheLimit:
    def test_counts_from_entering_the_block(self, manager: LoopManager) -> None:
        start = time.monotonic()
        with sideloop.timeout(0.05):
            while time.monotonic() - start < 0.06:
                manager.run_sync(answer) if time.monotonic() - start < 0.03 else time.sleep(0.01)
            with pytest.raises(TimeoutError):
                manager.run_sync(forever)

    def test_of_zero_gives_every_call_up(self, manager: LoopManager) -> None:
        timed_out(lambda: manager.run_sync(forever), 0)
        timed_out(lambda: manager.run_sync(forever), 0)

    def test_without_end_gives_none_up(self, manager: LoopManager) -> None:
        with sideloop.timeout(float("inf")):
            assert manager.run_sync(answer) == 42
        with sideloop.timeout(1e12):
            assert manager.run_sync(answer) == 42

    def test_of_outer_and_inner_block_the_nearer_wins(self, manager: LoopManager) -> None:
        with sideloop.timeout(0.02):
            assert "0.02 s" in str(timed_out(lambda: manager.run_sync(forever), 60))
        with sideloop.timeout(60):
            assert "0.02 s" in str(timed_out(lambda: manager.run_sync(forever), 0.02))
        with sideloop.timeout(0.02), sideloop.timeout(float("inf")):
            assert "0.02 s" in str(timed_out(lambda: manager.run_sync(forever), 60))

    def test_of_the_outer_block_is_back_after_the_inner_one(self, manager: LoopManager) -> None:
        with sideloop.timeout(60):
            timed_out(lambda: manager.run_sync(forever), 0.01)
            assert manager.run_sync(answer) == 42

    def test_ends_with_the_block_also_when_an_error_leaves_it(self, manager: LoopManager) -> None:
        def fail() -> None:
            with sideloop.timeout(0.001):
                raise ValueError("why")

        async def sleep() -> str:
            await asyncio.sleep(0.02)
            return "slept"

        with pytest.raises(ValueError, match="why"):
            fail()
        with sideloop.timeout(0.001):
            pass
        assert manager.run_sync(sleep) == "slept"

    def test_holds_for_this_thread_only(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        async def sleep() -> str:
            await asyncio.sleep(0.03)
            return "slept"

        with sideloop.timeout(0.01):
            assert threads.submit(manager.run_sync, sleep).result(20) == "slept"

    @pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("-inf")])
    def test_that_is_no_duration_is_refused(self, seconds: float) -> None:
        with pytest.raises(ValueError, match="timeout"):
            sideloop.timeout(seconds)


class TestANestedCall:
    def test_inherits_the_deadline(self, manager: LoopManager) -> None:
        seen: list[str] = []

        async def outer() -> None:
            try:
                manager.run_sync(forever)
            except TimeoutError as error:
                seen.append(str(error))
                raise

        timed_out(lambda: manager.run_sync(outer), 0.05)
        assert len(seen) == 1
        assert "forever()" in seen[0]

    def test_inherits_it_through_a_thread_of_asyncio(
        self, manager: LoopManager, wait_until: WaitUntil
    ) -> None:
        seen: list[BaseException] = []

        def call() -> None:
            try:
                manager.run_sync(forever)
            except TimeoutError as error:
                seen.append(error)

        async def outer() -> None:
            await asyncio.to_thread(call)

        with sideloop.timeout(0.05), contextlib.suppress(TimeoutError):
            manager.run_sync(outer)  # whichever of the two is a hair faster
        wait_until(lambda: seen)
        assert "forever()" in str(seen[0])

    def test_with_a_limit_of_its_own_raises_it_into_the_outer_coroutine(
        self, manager: LoopManager
    ) -> None:
        async def outer() -> str:
            with sideloop.timeout(0.02):
                try:
                    manager.run_sync(forever)
                except TimeoutError as error:
                    return str(error)
            return "not raised"

        with sideloop.timeout(60):
            assert "0.02 s" in manager.run_sync(outer)

    def test_unwinds_from_the_inside_out(self, manager: LoopManager) -> None:
        log: list[str] = []

        async def level(number: int) -> None:
            try:
                if number:
                    manager.run_sync(level, number - 1)
                else:
                    await forever()
            finally:
                log.append(f"level {number}")

        timed_out(lambda: manager.run_sync(level, 3), 0.05)
        assert log == ["level 0", "level 1", "level 2", "level 3"]


class TestATaskThatIgnoresItsCancellation:
    def test_is_left_behind_after_the_grace_and_named_in_a_warning(
        self, impatient: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        ended = threading.Event()
        release: list[Callable[[], object]] = []

        async def stubborn() -> None:
            gate, loop = asyncio.Event(), asyncio.get_running_loop()
            release.append(lambda: loop.call_soon_threadsafe(gate.set))
            while not gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await gate.wait()
            ended.set()

        with caplog.at_level(logging.WARNING, "sideloop"):
            timed_out(lambda: impatient.run_sync(stubborn))
        assert not ended.is_set()
        assert len(warnings_in(caplog)) == 1
        assert "stubborn()" in warnings_in(caplog)[0]
        assert impatient.run_sync(answer) == 42
        release[0]()
        assert ended.wait(20)

    def test_reports_what_it_raises_later_to_the_exception_handler(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        reported: list[object] = []
        release: list[Callable[[], object]] = []
        error = ValueError("later")

        async def stubborn() -> None:
            gate, loop = asyncio.Event(), asyncio.get_running_loop()
            release.append(lambda: loop.call_soon_threadsafe(gate.set))
            while not gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await gate.wait()
            raise error

        manager = LoopManager(
            loop_factory=loop_factory,
            grace=GRACE,
            exception_handler=lambda _loop, context: reported.append(context["exception"]),
        )
        timed_out(lambda: manager.run_sync(stubborn))
        release[0]()
        wait_until(lambda: reported)
        assert reported == [error]
        manager.close()


class TestALoopThatIsBlocked:
    def test_is_left_behind_after_the_grace_and_the_next_call_works(
        self, impatient: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        release = threading.Event()
        before = impatient.run_sync(running_loop)

        async def block() -> None:
            release.wait(60)

        try:
            with caplog.at_level(logging.WARNING, "sideloop"):
                timed_out(lambda: impatient.run_sync(block))
            assert len(warnings_in(caplog)) == 1
            assert "block()" in warnings_in(caplog)[0]
            assert impatient.run_sync(running_loop) is not before
            assert impatient.run_sync(answer) == 42
        finally:
            release.set()

    @pytest.mark.usefixtures("no_thread_left")
    def test_ends_by_itself_when_it_is_blocked_no_longer(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        release = threading.Event()

        async def block() -> None:
            release.wait(60)

        manager = LoopManager(loop_factory=loop_factory, grace=GRACE)
        loop = manager.run_sync(running_loop)
        timed_out(lambda: manager.run_sync(block))
        manager.run_sync(answer)
        release.set()
        wait_until(loop.is_closed)
        manager.close()

    def test_sends_the_calls_that_wait_for_it_to_the_new_loop(
        self, loop_factory: LoopFactory | None, threads: ThreadPoolExecutor
    ) -> None:
        blocking, release = threading.Event(), threading.Event()

        async def block() -> None:
            blocking.set()
            release.wait(60)

        with Runner(loop_factory=loop_factory, grace=GRACE) as runner:
            try:
                blocked = threads.submit(timed_out, lambda: runner.run(block), 0.2)
                assert blocking.wait(20)
                queued = [threads.submit(runner.run, answer) for _ in range(4)]
                blocked.result(20)
                # Answered while the old loop is still blocked.
                assert [call.result(5) for call in queued] == [42] * 4
            finally:
                release.set()

    def test_can_still_give_up_a_call_that_waits_for_it(
        self, loop_factory: LoopFactory | None, threads: ThreadPoolExecutor
    ) -> None:
        blocking, release = threading.Event(), threading.Event()

        async def block() -> str:
            blocking.set()
            release.wait(60)
            return "unblocked"

        started: list[int] = []

        async def never_started() -> None:
            started.append(1)

        with Runner(loop_factory=loop_factory) as runner:
            blocked = threads.submit(runner.run, block)
            assert blocking.wait(20)
            timed_out(lambda: runner.run(never_started))
            release.set()
            assert blocked.result(20) == "unblocked"
            runner.run(answer)
            assert started == []
