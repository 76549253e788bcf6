"""Time limits: the task unwinds, then the caller gets TimeoutError."""

import asyncio
import contextlib
import contextvars
import logging
import queue
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

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


def timed_out(sync_fn: Callable[[], object], seconds: float | None = None) -> TimeoutError:
    """The error of a call that had begun: a short limit may be over before, on a busy machine."""
    seconds = scaled(0.05) if seconds is None else seconds
    while True:
        with sideloop.timeout(seconds), pytest.raises(TimeoutError) as raised:
            sync_fn()
        if not seconds or "was not started" not in str(raised.value):
            return raised.value
        seconds *= 2


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sideloop"]


class TestTimeout:
    def test_says_which_call_did_not_end_and_what_the_limit_was(self, manager: LoopManager) -> None:
        with sideloop.timeout(1.25), pytest.raises(TimeoutError) as raised:
            manager.run_sync(forever)
        assert "forever()" in str(raised.value)
        assert "1.25 s" in str(raised.value)

    def test_lets_the_cleanup_run_before_it_is_raised(self, manager: LoopManager) -> None:
        log: list[str] = []

        async def wait() -> None:
            log.append("began")
            try:
                await forever()
            finally:
                await asyncio.sleep(0.02)
                log.append("cleaned up")

        while not log:  # on a busy machine it may be cancelled before its first step
            timed_out(lambda: manager.run_sync(wait))
        assert log == ["began", "cleaned up"]

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
        assert waiting.wait(scaled(20))
        timed_out(lambda: runner.run(forever))
        runner.run(open_gate)
        assert other.result(scaled(20)) == "undisturbed"

    def test_limits_a_runner_and_a_sync_twin_too(
        self, runner: Runner, manager: LoopManager
    ) -> None:
        timed_out(lambda: runner.run(forever))
        timed_out(manager.synced(forever))

    def test_works_on_a_thread_that_is_not_the_main_one(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        threads.submit(timed_out, lambda: manager.run_sync(forever)).result(scaled(20))

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
        limit = scaled(0.2)
        start = time.monotonic()
        with sideloop.timeout(limit):
            while (passed := time.monotonic() - start) < 1.1 * limit:
                manager.run_sync(answer) if passed < limit / 2 else time.sleep(0.01)
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
        limit = scaled(0.05)
        for outer, inner in [(limit, 60), (60, limit), (limit, float("inf"))]:
            with (
                sideloop.timeout(outer),
                sideloop.timeout(inner),
                pytest.raises(TimeoutError) as at,
            ):
                manager.run_sync(forever)
            assert f"{limit} s" in str(at.value)

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
            assert threads.submit(manager.run_sync, sleep).result(scaled(20)) == "slept"

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

        while not seen:  # on a busy machine it may be cancelled before its first step
            timed_out(lambda: manager.run_sync(outer), 0.05)
        assert len(seen) == 1
        assert "forever()" in seen[0]

    def test_inherits_it_through_a_thread_of_asyncio(self, manager: LoopManager) -> None:
        ended: queue.Queue[BaseException | None] = queue.Queue()

        def call() -> None:
            try:
                manager.run_sync(asyncio.sleep, scaled(1))
                ended.put(None)
            except TimeoutError as error:
                ended.put(error)

        async def outer() -> None:
            await asyncio.to_thread(call)

        seen = None
        while seen is None:  # on a busy machine the time may be over before its thread calls
            with sideloop.timeout(scaled(0.2)), contextlib.suppress(TimeoutError):
                manager.run_sync(outer)  # whichever of the two is a hair faster
            with contextlib.suppress(queue.Empty):
                seen = ended.get(timeout=scaled(5))
        assert "sleep()" in str(seen)

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
        seconds = scaled(0.05)

        async def level(number: int) -> None:
            try:
                if number:
                    manager.run_sync(level, number - 1)
                else:
                    await forever()
            finally:
                log.append(f"level {number}")

        while "level 0" not in log:  # on a busy machine the time may be over before
            log.clear()
            timed_out(lambda: manager.run_sync(level, 3), seconds)
            seconds *= 2
        assert log == ["level 0", "level 1", "level 2", "level 3"]


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestAnotherTimeoutError:
    def test_that_comes_when_the_time_is_over_already_is_the_cause(
        self, drive: Literal["thread", "caller"]
    ) -> None:
        """As that of a nested call, which may look at their limit first."""
        slow = TimeoutError("too slow")

        limit = scaled(0.1)

        async def late() -> None:
            end = time.monotonic() + 1.5 * limit
            while time.monotonic() < end:
                pass
            raise slow

        before = sys.getswitchinterval()
        with LoopManager(drive=drive) as manager:
            sys.setswitchinterval(10)  # so that nobody looks meanwhile
            try:
                with sideloop.timeout(limit), pytest.raises(TimeoutError) as raised:
                    manager.run_sync(late)
            finally:
                sys.setswitchinterval(before)
        assert f"late() did not end within {limit} s" in str(raised.value)
        assert raised.value.__cause__ is slow

    def test_that_comes_in_time_is_the_calls_own(self, drive: Literal["thread", "caller"]) -> None:
        own = TimeoutError("the other side was too slow")

        async def fail() -> None:
            raise own

        with (
            LoopManager(drive=drive) as manager,
            pytest.raises(TimeoutError) as raised,
            sideloop.timeout(60),
        ):
            manager.run_sync(fail)
        assert raised.value is own


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
        assert ended.wait(scaled(20))

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
                assert blocking.wait(scaled(20))
                queued = [threads.submit(runner.run, answer) for _ in range(4)]
                blocked.result(scaled(20))
                # Answered while the old loop is still blocked.
                assert [call.result(scaled(5)) for call in queued] == [42] * 4
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
            assert blocking.wait(scaled(20))
            timed_out(lambda: runner.run(never_started))
            release.set()
            assert blocked.result(scaled(20)) == "unblocked"
            runner.run(answer)
            assert started == []


class TestAPassedDeadline:
    """The function is not started: not now and then, and not where the loop is a hair slower."""

    @pytest.mark.parametrize("seconds", [0, 0.005])
    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize(
        "entry", ["run_sync", "run", "synced", "iterate", "enter", "brought back"]
    )
    def test_starts_nothing(
        self, drive: Literal["thread", "caller"], entry: str, seconds: float
    ) -> None:
        ran: list[str] = []

        async def note() -> None:
            ran.append("ran")

        async def items() -> AsyncGenerator[int, None]:
            ran.append("ran")
            yield 1

        @contextlib.asynccontextmanager
        async def opened() -> AsyncGenerator[None, None]:
            ran.append("ran")
            yield

        manager, back = LoopManager(drive=drive), LoopManager(drive=drive, copy_context_back=True)
        with Runner(drive=drive) as runner:
            calls: dict[str, Callable[[], object]] = {
                "run_sync": lambda: manager.run_sync(note),
                "run": lambda: runner.run(note),
                "synced": manager.synced(note),
                "iterate": lambda: next(manager.iterate(items())),
                "enter": lambda: manager.enter(opened()).__enter__(),
                "brought back": lambda: back.run_sync(note),
            }
            for _ in range(20):  # the first one would make the loop, too
                with sideloop.timeout(seconds):
                    time.sleep(seconds)
                    with pytest.raises(TimeoutError, match="not started"):
                        calls[entry]()
            assert ran == []
            assert manager.run_sync(answer) == runner.run(answer) == back.run_sync(answer) == 42
        manager.close()
        back.close()

    def test_starts_nothing_on_somebody_elses_loop(self, runner: Runner) -> None:
        ran: list[str] = []

        async def note() -> None:
            ran.append("ran")

        loop = runner.run(running_loop)
        for _ in range(20):
            with sideloop.timeout(0), pytest.raises(TimeoutError, match="not started"):
                sideloop.run_on(loop, note)
        assert ran == []

    def test_starts_no_item_of_a_map(self) -> None:
        ran: list[int] = []

        async def note(number: int) -> int:
            ran.append(number)
            await asyncio.sleep(0)
            return number

        with sideloop.map(note, range(100), limit=2) as answers:
            assert next(answers) == 0
            before = len(ran)
            with sideloop.timeout(0), contextlib.suppress(TimeoutError):
                list(answers)
                raise AssertionError("no TimeoutError")
            assert len(ran) <= before + 4  # what was on its way before

    def test_that_passes_while_the_loop_is_blocked_starts_nothing(
        self, threads: ThreadPoolExecutor
    ) -> None:
        blocking, release, ran = threading.Event(), threading.Event(), list[str]()

        async def block() -> None:
            blocking.set()
            release.wait(scaled(20))

        async def note() -> None:
            ran.append("ran")

        def call() -> None:
            with sideloop.timeout(0.02), pytest.raises(TimeoutError):
                runner.run(note)

        with Runner() as runner:
            blocked = threads.submit(runner.run, block)
            assert blocking.wait(scaled(20))
            late = threads.submit(call)
            time.sleep(0.05)
            release.set()
            late.result(scaled(20))
            blocked.result(scaled(20))
            runner.run(answer)
        assert ran == []

    def test_lets_a_context_manager_leave(self, manager: LoopManager) -> None:
        log: list[str] = []

        @contextlib.asynccontextmanager
        async def opened() -> AsyncGenerator[None, None]:
            try:
                yield
            finally:
                await asyncio.sleep(0.01)
                # Calls that are nested in the cleanup have its time, too.
                log.append(str(manager.run_sync(answer)))

        limit = scaled(0.2)
        with sideloop.timeout(limit), manager.enter(opened()):
            time.sleep(1.1 * limit)
        assert log == ["42"]

    def test_does_not_keep_a_call_from_being_submitted(self, runner: Runner) -> None:
        async def nested() -> int:
            return sideloop.run_sync(answer)

        with sideloop.timeout(0):
            assert runner.submit(nested).result(scaled(20)) == 42


class TestALimitThatIsUsedTwice:
    def test_is_refused_and_leaves_nothing_behind(self, manager: LoopManager) -> None:
        limit = sideloop.timeout(0.02)
        with limit, pytest.raises(RuntimeError, match="entered before"), limit:
            pass
        time.sleep(0.03)
        assert manager.run_sync(answer) == 42

    def test_is_refused_also_after_its_block(self) -> None:
        limit = sideloop.timeout(60)
        with limit:
            pass
        with pytest.raises(RuntimeError, match="entered before"), limit:
            pass


class TestWhatOutlivesTheBlock:
    """A task or callback made inside of it is limited while it lasts, and then no more."""

    @pytest.fixture
    def over(self) -> threading.Event:
        return threading.Event()

    def nested(self, manager: LoopManager, got: list[object]) -> None:
        try:
            got.append(manager.run_sync(answer))
        except BaseException as error:
            got.append(error)

    @pytest.mark.parametrize("how", ["task", "callback", "executor"])
    def test_in_the_background(
        self, manager: LoopManager, over: threading.Event, wait_until: WaitUntil, how: str
    ) -> None:
        got: list[object] = []
        kept: list[object] = []
        limit = scaled(0.2)

        async def background() -> None:
            while not over.is_set():
                await asyncio.sleep(0.005)
            self.nested(manager, got)

        def wait_and_call() -> None:
            over.wait(scaled(20))
            self.nested(manager, got)

        async def leave() -> None:
            loop = asyncio.get_running_loop()
            if how == "task":
                kept.append(asyncio.create_task(background()))
            elif how == "callback":
                kept.append(loop.call_later(1.2 * limit, self.nested, manager, got))
            else:
                kept.append(asyncio.create_task(asyncio.to_thread(wait_and_call)))
            await asyncio.sleep(0)

        with sideloop.timeout(limit):
            manager.run_sync(leave)
        time.sleep(1.1 * limit)
        over.set()
        wait_until(lambda: got)
        assert got == [42]

    def test_submitted(self, manager: LoopManager, runner: Runner, over: threading.Event) -> None:
        async def nested() -> int:
            while not over.is_set():
                await asyncio.sleep(0.005)
            return manager.run_sync(answer)

        with sideloop.timeout(0.02):
            future = runner.submit(nested)
        time.sleep(0.03)
        over.set()
        assert future.result(scaled(20)) == 42

    def test_left_behind_by_the_limit_itself(
        self, impatient: LoopManager, over: threading.Event, wait_until: WaitUntil
    ) -> None:
        got: list[object] = []

        async def stubborn() -> None:
            while not over.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.005)
            self.nested(impatient, got)

        timed_out(lambda: impatient.run_sync(stubborn), 0.02)
        over.set()
        wait_until(lambda: got)
        assert got == [42]

    def test_with_a_call_that_was_under_way_when_it_ended(
        self, manager: LoopManager, wait_until: WaitUntil
    ) -> None:
        got: list[object] = []
        kept: list[object] = []
        calling = threading.Event()
        limit = scaled(0.3)

        async def slow() -> str:
            calling.set()
            await asyncio.sleep(1.5 * limit)
            return "slow"

        def call() -> None:
            try:
                got.append(manager.run_sync(slow))
            except TimeoutError as error:
                got.append(error)

        async def leave() -> None:
            kept.append(asyncio.create_task(asyncio.to_thread(call)))
            await asyncio.sleep(0)

        with sideloop.timeout(limit):
            manager.run_sync(leave)
            assert calling.wait(scaled(20))
        wait_until(lambda: got)
        assert got == ["slow"]

    def test_is_still_limited_by_the_block_around_it(
        self, manager: LoopManager, wait_until: WaitUntil
    ) -> None:
        got: list[object] = []
        kept: list[object] = []

        def call() -> None:
            try:
                got.append(manager.run_sync(forever))
            except TimeoutError as error:
                got.append(str(error))

        async def leave() -> None:
            with sideloop.timeout(0.01):
                kept.append(asyncio.create_task(asyncio.to_thread(call)))
                await asyncio.sleep(0)

        limit = scaled(0.3)
        with sideloop.timeout(limit):
            manager.run_sync(leave)
            wait_until(lambda: got)
        assert f"{limit} s" in str(got[0]) or "0.01 s" in str(got[0])


class TestABlockThatIsLeftElsewhere:
    @staticmethod
    def pages(seconds: float) -> Generator[int, None, None]:
        with sideloop.timeout(seconds):
            yield 1
            yield 2

    @pytest.mark.parametrize("how", ["another context", "another thread", "to_thread"])
    def test_leaves_no_error_and_no_limit(
        self, manager: LoopManager, threads: ThreadPoolExecutor, how: str
    ) -> None:
        pages = self.pages(0.02)
        next(pages)
        if how == "another context":
            contextvars.copy_context().run(pages.close)
        elif how == "another thread":
            threads.submit(pages.close).result(scaled(20))
        else:
            asyncio.run(asyncio.to_thread(pages.close))
        time.sleep(0.03)
        assert manager.run_sync(answer) == 42

    def test_leaves_the_limit_around_it(self, manager: LoopManager) -> None:
        with sideloop.timeout(0.05):
            pages = self.pages(60)
            next(pages)
            contextvars.copy_context().run(pages.close)
            with pytest.raises(TimeoutError, match=r"0\.05 s"):
                manager.run_sync(forever)

    def test_in_any_order_of_two(self, manager: LoopManager) -> None:
        first, second = self.pages(0.03), self.pages(60)
        next(first)
        next(second)
        first.close()  # around the second, which is still open
        time.sleep(0.04)
        assert manager.run_sync(answer) == 42
        second.close()
        assert manager.run_sync(answer) == 42

    def test_entered_in_one_context_limits_another_no_more(self, manager: LoopManager) -> None:
        pages = self.pages(0.02)
        inside = contextvars.copy_context()
        inside.run(next, pages)
        assert manager.run_sync(answer) == 42
        pages.close()
        time.sleep(0.03)
        assert inside.run(manager.run_sync, answer) == 42
