"""The runner: owns one event loop on a thread of its own, from the first call to the close."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import programs
import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

import sideloop
from sideloop import DeadlockError, Runner, RunnerClosedError
from sideloop._runners.options import Drive


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


class TestRun:
    def test_returns_what_the_function_returns(self, runner: Runner) -> None:
        assert runner.run(add, 10, b=12) == 22

    def test_serves_many_threads_on_one_loop(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        def call(thread: int) -> list[int]:
            return [runner.run(add, 1000 * thread, b=number) for number in range(300)]

        answers = list(threads.map(call, range(16)))
        assert answers == [[1000 * thread + n for n in range(300)] for thread in range(16)]
        found = {threads.submit(runner.run, running_loop).result(scaled(20)) for _ in range(8)}
        assert len(found) == 1

    def test_starts_one_loop_when_many_threads_call_first_at_once(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        together = threading.Barrier(16)

        def call() -> asyncio.AbstractEventLoop:
            together.wait(scaled(20))
            return runner.run(running_loop)

        calls = [threads.submit(call) for _ in range(16)]
        assert len({call.result(scaled(20)) for call in calls}) == 1

    def test_begins_all_calls_that_come_in_together_before_it_steps_any(
        self, runner: Runner, wait_until: WaitUntil
    ) -> None:
        done: list[str] = []
        entered, go = threading.Event(), threading.Event()

        async def block() -> None:
            entered.set()
            go.wait(scaled(20))

        def begin() -> Coroutine[Any, Any, None]:
            done.append("begun")
            return step()

        async def step() -> None:
            done.append("stepped")

        blocking = runner.submit(block)
        wait_until(entered.is_set)
        calls = [runner.submit(begin) for _ in range(3)]
        go.set()
        for call in [blocking, *calls]:
            call.result(scaled(20))
        assert done == ["begun"] * 3 + ["stepped"] * 3

    def test_runs_calls_of_two_threads_side_by_side(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        arrived: list[asyncio.Event] = []

        async def meet() -> str:
            if arrived:
                arrived[0].set()
            else:
                arrived.append(asyncio.Event())
                await arrived[0].wait()
            return "met"

        calls = [threads.submit(runner.run, meet) for _ in range(2)]
        assert [call.result(scaled(20)) for call in calls] == ["met", "met"]

    def test_runs_user_code_on_the_thread_that_bears_the_runners_name(self, runner: Runner) -> None:
        async def look() -> threading.Thread:
            return threading.current_thread()

        thread = runner.run(look)
        assert thread is not threading.current_thread()
        assert thread.name == "tested"
        assert thread.daemon

    def test_on_its_own_loop_thread_is_a_deadlock_error_that_names_the_call(
        self, runner: Runner
    ) -> None:
        async def outer() -> int:
            return runner.run(add, 10, b=12)

        with pytest.raises(DeadlockError, match=r"add\(\)") as raised:
            runner.run(outer)
        assert "'tested'" in str(raised.value)
        assert runner.run(add, 10, b=12) == 22

    def test_on_its_own_loop_thread_is_a_deadlock_error_in_a_callback_too(
        self, runner: Runner
    ) -> None:
        async def outer() -> BaseException:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[BaseException] = loop.create_future()

            def callback() -> None:
                try:
                    runner.run(add, 10, b=12)
                except DeadlockError as error:
                    found.set_result(error)

            loop.call_soon(callback)
            return await found

        assert isinstance(runner.run(outer), DeadlockError)

    def test_on_another_runners_loop_thread_works(
        self, runner: Runner, loop_factory: LoopFactory | None
    ) -> None:
        with Runner(loop_factory=loop_factory) as other:

            async def outer() -> int:
                return other.run(add, 10, b=12)

            assert runner.run(outer) == 22

    def test_lets_the_coroutine_call_through_run_sync(self, runner: Runner) -> None:
        async def outer() -> int:
            return sideloop.run_sync(add, 10, b=12)

        assert runner.run(outer) == 22


class TestTheTaskOfACall:
    def test_has_the_name_of_the_call_and_no_other_call_has_it(self, runner: Runner) -> None:
        async def name() -> str:
            task = asyncio.current_task()
            assert task is not None
            return task.get_name()

        names = [runner.run(name) for _ in range(20)]
        assert len(set(names)) == 20
        assert all(re.fullmatch(r"call-\d+", name) for name in names)

    def test_that_the_user_makes_has_asyncios_name(self, runner: Runner) -> None:
        async def names() -> list[str]:
            tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(2)]
            tasks.append(asyncio.create_task(asyncio.sleep(0), name="mine"))
            await asyncio.gather(*tasks)
            return [task.get_name() for task in tasks]

        first, second, mine = runner.run(names)
        assert first.startswith("Task-")
        assert second.startswith("Task-")
        assert mine == "mine"

    def test_starts_behind_what_was_scheduled_before(
        self, runner: Runner, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        log: list[str] = []
        blocked, go_on = threading.Event(), threading.Event()

        def block() -> None:
            blocked.set()
            go_on.wait(scaled(20))

        async def note(what: str) -> None:
            log.append(what)
            await asyncio.sleep(0)
            log.append(f"{what} again")

        loop = runner.run(running_loop)
        loop.call_soon_threadsafe(block)
        assert blocked.wait(scaled(20))
        loop.call_soon_threadsafe(log.append, "callback")
        first = threads.submit(runner.run, note, "first")
        wait_until(lambda: sideloop.statistics().calls.waiting == 1)
        second = threads.submit(runner.run, note, "second")
        wait_until(lambda: sideloop.statistics().calls.waiting == 2)
        time.sleep(scaled(0.05))  # it is counted a moment before it is put in
        go_on.set()
        first.result(scaled(20))
        second.result(scaled(20))
        assert log == ["callback", "first", "second", "first again", "second again"]

    def test_that_is_done_at_once_is_told_before_what_came_with_it_runs(
        self, threads: ThreadPoolExecutor
    ) -> None:
        blocked, go_on, answered = (threading.Event() for _ in range(3))

        def block() -> None:
            blocked.set()
            go_on.wait(scaled(20))

        async def answer() -> int:
            return 22

        with Runner(debug=False) as runner:  # which forbids what we do to its loop
            loop = runner.run(running_loop)
            loop.call_soon_threadsafe(block)
            assert blocked.wait(scaled(20))
            # Due by the time the loop goes on, and waits for what the caller does next.
            waiting = loop.create_future()
            loop.call_later(0, lambda: waiting.set_result(answered.wait(scaled(20))))
            call = threads.submit(runner.run, answer)
            assert call.done() is False
            time.sleep(0.01)
            go_on.set()
            assert call.result(10) == 22
            answered.set()

    @pytest.mark.parametrize("how", ["factory", "override"])
    def test_starts_behind_what_making_it_has_scheduled(self, how: str) -> None:
        log: list[str] = []

        def make(loop: Any, coro: Any, **options: Any) -> asyncio.Task[Any]:
            loop.call_soon(log.append, "first")
            return asyncio.Task(coro, loop=loop, **options)

        class Overriding(sideloop.EventLoop):
            def create_task(self, coro: Any, *, context: Any = None) -> Any:
                return make(self, coro, context=context)

        def new_loop() -> asyncio.AbstractEventLoop:
            loop = Overriding() if how == "override" else sideloop.EventLoop()
            if how == "factory":
                loop.set_task_factory(make)
            return loop

        async def second() -> None:
            log.append("second")

        if sys.version_info < (3, 11):
            pytest.skip("tasks take no context")
        with Runner(loop_factory=new_loop) as runner:
            for _ in range(20):
                runner.run(second)
            # The close makes tasks, too.
            assert log == ["first", "second"] * 20

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
    def test_that_is_eager_goes_on_behind_what_it_has_scheduled(self) -> None:
        log: list[str] = []

        def new_loop() -> asyncio.AbstractEventLoop:
            loop = sideloop.EventLoop()
            loop.set_task_factory(asyncio.eager_task_factory)
            return loop

        async def main() -> None:
            asyncio.get_running_loop().call_soon(log.append, "first")
            await asyncio.sleep(0)
            log.append("second")

        with Runner(loop_factory=new_loop) as runner:
            for _ in range(20):
                runner.run(main)
        assert log == ["first", "second"] * 20

    def test_may_come_from_a_create_task_that_takes_no_name(
        self, loop_factory: LoopFactory | None
    ) -> None:
        if sys.version_info < (3, 11):
            pytest.skip("tasks take no context")
        loop = (loop_factory or sideloop.new_event_loop)()
        loop.close()
        base: Any = type(loop)

        class Nameless(base):  # type: ignore[misc]
            def create_task(self, coro: Any, *, context: Any = None) -> Any:
                return asyncio.Task(coro, loop=self, context=context)

        with Runner(loop_factory=Nameless) as runner:
            assert runner.run(add, 10, b=12) == 22

    def test_is_scheduled_through_a_loop_that_has_its_own_call_soon(self) -> None:
        scheduled: list[tuple[str, asyncio.Handle]] = []

        class Watched(sideloop.EventLoop):
            def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
                handle = super().call_soon(callback, *args, context=context)
                scheduled.append((type(callback).__name__, handle))
                return handle

        with Runner(loop_factory=Watched) as runner:
            assert runner.run(add, 10, b=12) == 22
        assert any("TaskStep" in name for name, _ in scheduled)
        assert all(isinstance(handle, asyncio.Handle) for _, handle in scheduled)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_keeps_the_callers_context_no_longer_than_it_runs(
        self, drive: Drive, wait_until: WaitUntil
    ) -> None:
        class Value:
            pass

        variable: contextvars.ContextVar[Value] = contextvars.ContextVar("variable")

        async def seen() -> bool:
            return isinstance(variable.get(), Value)

        def call() -> weakref.ref[Value]:
            value = Value()
            variable.set(value)
            assert runner.run(seen)
            return weakref.ref(value)

        with Runner(drive=drive) as runner:
            died = contextvars.Context().run(call)
            # The loop thread lets go of its task after it has told the caller.
            wait_until(lambda: died() is None)


class TestClose:
    @pytest.mark.usefixtures("no_thread_left")
    def test_joins_the_thread_and_closes_the_loop(self, runner: Runner) -> None:
        loop = runner.run(running_loop)
        runner.close()
        assert loop.is_closed()
        assert runner.closed

    def test_is_idempotent_also_before_the_first_call(
        self, loop_factory: LoopFactory | None
    ) -> None:
        runner = Runner(loop_factory=loop_factory)
        assert not runner.closed
        runner.close()
        runner.close()
        assert runner.closed
        runner = Runner(loop_factory=loop_factory)
        runner.run(add, 1, 1)
        runner.close()
        runner.close()
        runner.close(grace=0)
        assert runner.closed

    def test_from_many_threads_at_once_is_allowed(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        runner.run(add, 1, 1)
        closing = [threads.submit(runner.close) for _ in range(8)]
        assert [close.result(scaled(20)) for close in closing] == [None] * 8

    def test_makes_the_next_call_a_clear_error(self, runner: Runner) -> None:
        for _ in range(2):  # never started, and started
            runner.close()
            with pytest.raises(RunnerClosedError, match=r"add\(\) was not started") as raised:
                runner.run(add, 10, b=12)
            assert "'tested'" in str(raised.value)

    def test_after_a_call_makes_the_next_call_a_clear_error(self, runner: Runner) -> None:
        runner.run(add, 10, b=12)
        runner.close()
        with pytest.raises(RunnerClosedError, match=r"add\(\) was not started"):
            runner.run(add, 10, b=12)

    def test_cancels_the_calls_of_other_threads_and_lets_them_unwind(
        self, runner: Runner, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        log: list[str] = []

        async def wait() -> None:
            log.append("waits")
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                log.append("unwound")

        calls = [threads.submit(runner.run, wait) for _ in range(4)]
        wait_until(lambda: log == ["waits"] * 4)
        runner.close()
        assert log[4:] == ["unwound"] * 4
        for call in calls:
            error = call.exception(scaled(20))
            assert isinstance(error, RunnerClosedError)
            assert "wait() was cancelled" in str(error)

    def test_gives_a_call_that_fails_while_it_unwinds_its_own_error(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        waiting = threading.Event()
        error = ValueError("while it unwinds")

        async def wait() -> None:
            try:
                waiting.set()
                await asyncio.Event().wait()
            finally:
                raise error

        call = threads.submit(runner.run, wait)
        assert waiting.wait(scaled(20))
        runner.close()
        assert call.exception(scaled(20)) is error

    def test_cancels_background_tasks_and_closes_async_generators(self, runner: Runner) -> None:
        log: list[str] = []
        kept: list[Any] = []

        async def background() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                log.append("task")

        async def numbers() -> Any:
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                log.append("generator")

        async def start() -> None:
            kept.append(asyncio.get_running_loop().create_task(background()))
            kept.append(numbers())
            await kept[-1].__anext__()
            await asyncio.sleep(0)

        runner.run(start)
        runner.close()
        assert sorted(log) == ["generator", "task"]

    def test_on_its_own_loop_thread_is_a_clear_error(self, runner: Runner) -> None:
        async def close() -> None:
            runner.close()

        with pytest.raises(RuntimeError, match="own loop"):
            runner.run(close)
        assert runner.run(add, 10, b=12) == 22

    def test_on_another_loop_thread_works(self, runner: Runner) -> None:
        runner.run(add, 1, 1)

        async def close() -> None:
            runner.close()

        sideloop.run_sync(close)
        assert runner.closed

    def test_leaves_a_task_that_ignores_cancellation_behind_and_names_it(
        self,
        loop_factory: LoopFactory | None,
        threads: ThreadPoolExecutor,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        waiting = threading.Event()

        async def stubborn() -> None:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    waiting.set()
                    await asyncio.Event().wait()

        runner = Runner(loop_factory=loop_factory, grace=0.05)
        call = threads.submit(runner.run, stubborn)
        assert waiting.wait(scaled(20))
        with caplog.at_level(logging.WARNING, "sideloop"):
            runner.close()
        assert isinstance(call.exception(scaled(20)), RunnerClosedError)
        warned = [record for record in caplog.records if record.name == "sideloop"]
        assert len(warned) == 1
        assert "stubborn" in warned[0].getMessage()

    def test_takes_a_grace_of_its_own(self, threads: ThreadPoolExecutor) -> None:
        waiting = threading.Event()

        async def slow_to_unwind() -> None:
            try:
                waiting.set()
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(3600)

        runner = Runner(grace=3600)
        call = threads.submit(runner.run, slow_to_unwind)
        assert waiting.wait(scaled(20))
        runner.close(grace=0.05)
        assert isinstance(call.exception(scaled(20)), RunnerClosedError)

    @pytest.mark.usefixtures("no_thread_left")
    def test_leaves_a_loop_that_is_blocked_behind_and_names_the_runner(
        self,
        loop_factory: LoopFactory | None,
        threads: ThreadPoolExecutor,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        blocking, release = threading.Event(), threading.Event()

        async def block() -> None:
            blocking.set()
            release.wait(scaled(20))

        runner = Runner(name="stuck", loop_factory=loop_factory, grace=0.05)
        call = threads.submit(runner.run, block)
        assert blocking.wait(scaled(20))
        with caplog.at_level(logging.WARNING, "sideloop"):
            runner.close()
        assert "'stuck'" in caplog.text
        assert not release.is_set()
        release.set()
        call.exception(scaled(20))

    def test_sends_calls_back_that_the_blocked_loop_never_started(
        self, loop_factory: LoopFactory | None, threads: ThreadPoolExecutor
    ) -> None:
        blocking, release = threading.Event(), threading.Event()
        started: list[int] = []

        async def block() -> None:
            blocking.set()
            release.wait(60)

        async def queued() -> None:
            started.append(1)

        runner = Runner(loop_factory=loop_factory, grace=0.05)
        blocked = threads.submit(runner.run, block)
        assert blocking.wait(scaled(20))
        try:
            calls = [threads.submit(runner.run, queued) for _ in range(4)]
            runner.close()
            # Answered while the loop is still blocked.
            for call in calls:
                assert isinstance(call.exception(3), RunnerClosedError)
            assert started == []
        finally:
            release.set()
        blocked.exception(scaled(20))

    def test_while_the_first_call_makes_the_loop_is_final(
        self, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        making, go_on = threading.Event(), threading.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        def slow_factory() -> asyncio.AbstractEventLoop:
            making.set()
            go_on.wait(scaled(20))
            loops.append(asyncio.new_event_loop())
            return loops[-1]

        runner = Runner(loop_factory=slow_factory, grace=3600)
        call = threads.submit(runner.run, add, 10, 12)
        assert making.wait(scaled(20))
        closing = threads.submit(runner.close)
        try:
            wait_until(lambda: runner.closed)  # as far as it comes without the first call
        finally:
            go_on.set()
        closing.result(scaled(20))
        assert isinstance(call.exception(scaled(20)), RunnerClosedError)
        try:
            with pytest.raises(RunnerClosedError):
                runner.run(add, 10, b=12)
            assert loops[0].is_closed()
        finally:
            runner.close()

    def test_while_many_call_leaves_nobody_waiting(
        self,
        loop_factory: LoopFactory | None,
        threads: ThreadPoolExecutor,
        wait_until: WaitUntil,
    ) -> None:
        enough = threading.Event()

        def call(runner: Runner) -> str:
            with contextlib.suppress(RunnerClosedError):
                while not enough.is_set():
                    assert runner.run(add, 10, b=12) == 22
                return "never closed"
            return "closed"

        def close_while_others_call() -> None:
            runner = Runner(loop_factory=loop_factory)
            calling = [threads.submit(call, runner) for _ in range(6)]
            wait_until(lambda: all(one.running() or one.done() for one in calling))
            runner.close()
            assert [one.result(5) for one in calling] == ["closed"] * 6

        try:
            for _ in range(20):
                close_while_others_call()
        finally:
            enough.set()


class TestWhatACloseReleases:
    def test_files(self, loop_factory: LoopFactory | None) -> None:
        def once() -> None:
            with Runner(loop_factory=loop_factory) as runner:
                runner.run(add, 1, 1)

        once()
        gc.collect()
        before = open_files()
        for _ in range(10):
            once()
        gc.collect()
        assert open_files() == before

    def test_the_loop(self, loop_factory: LoopFactory | None) -> None:
        with Runner(loop_factory=loop_factory) as runner:
            loop = weakref.ref(runner.run(running_loop))
        del runner
        gc.collect()
        assert loop() is None

    def test_files_and_the_loop_when_the_users_code_stops_it(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()

        with Runner(loop_factory=loop_factory) as runner:
            runner.run(add, 1, 1)
            gc.collect()
            before = open_files()
            for _ in range(10):
                with pytest.raises(sideloop.LoopStoppedError):
                    runner.run(stop)
            runner.run(add, 1, 1)
            gc.collect()
            # The last stopped loop is closed beside the new one.
            wait_until(lambda: open_files() == before)


class TestARunnerThatIsDropped:
    @pytest.mark.usefixtures("no_thread_left")
    def test_lets_what_runs_unwind_and_ends_its_thread(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        log: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                log.append("cleaned up")

        async def leave() -> None:
            tasks.append(asyncio.get_running_loop().create_task(work()))
            await asyncio.sleep(0)

        tasks: list[asyncio.Task[None]] = []
        files = open_files()
        Runner(loop_factory=loop_factory).run(leave)
        gc.collect()
        wait_until(lambda: log)
        wait_until(lambda: open_files() == files)

    @pytest.mark.usefixtures("no_thread_left")
    def test_with_its_manager_ends_its_thread(self, loop_factory: LoopFactory | None) -> None:
        for scope in ("thread", "process"):
            sideloop.LoopManager(loop_factory=loop_factory, scope=scope).run_sync(add, 10, b=12)
        gc.collect()

    @pytest.mark.usefixtures("no_thread_left")
    def test_in_a_call_lets_that_end(self, loop_factory: LoopFactory | None) -> None:
        async def collect() -> int:
            await asyncio.sleep(0)
            gc.collect()
            await asyncio.sleep(0)
            return 22

        assert Runner(loop_factory=loop_factory).run(collect) == 22
        gc.collect()

    @pytest.mark.usefixtures("no_thread_left")
    def test_does_not_wait_for_the_collector(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        gc.disable()
        try:
            loop = Runner(loop_factory=loop_factory).run(running_loop)
            wait_until(loop.is_closed)
        finally:
            gc.enable()

    def test_stays_while_something_calls_through_it(self, loop_factory: LoopFactory | None) -> None:
        async def count() -> AsyncIterator[int]:
            for number in range(3):
                await asyncio.sleep(0)
                yield number

        with Runner(loop_factory=loop_factory).iterate(count()) as numbers:
            gc.collect()
            assert list(numbers) == [0, 1, 2]

    def test_because_of_a_wrong_argument_is_quiet(self) -> None:
        with pytest.raises(ValueError, match="grace"):
            Runner(grace=-1)
        gc.collect()


class TestContextManager:
    @pytest.mark.usefixtures("no_thread_left")
    def test_closes(self, loop_factory: LoopFactory | None) -> None:
        with Runner(loop_factory=loop_factory) as runner:
            assert runner.run(add, 10, b=12) == 22
        assert runner.closed

    def test_lets_errors_pass(self, loop_factory: LoopFactory | None) -> None:
        runner = Runner(loop_factory=loop_factory)

        def fail_inside() -> None:
            with runner:
                runner.run(add, 10, b=12)
                raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            fail_inside()
        assert runner.closed


class TestRepr:
    def test_names_the_runner_and_its_state(self, runner: Runner) -> None:
        async def look() -> str:
            return repr(runner)

        assert "'tested'" in repr(runner)
        assert "new" in repr(runner)
        assert "running 1 call" in runner.run(look)
        runner.close()
        assert "closed" in repr(runner)

    def test_gives_runners_without_a_name_different_ones(self) -> None:
        assert Runner().name != Runner().name


class TestGrace:
    @pytest.mark.parametrize("grace", [-1, -0.001, float("nan"), float("-inf")])
    def test_that_is_no_duration_is_refused(self, grace: float) -> None:
        with pytest.raises(ValueError, match="grace"):
            Runner(grace=grace)

    @pytest.mark.parametrize("grace", [0, 0.0, 1, 1e9, float("inf")])
    def test_may_be_nothing_or_without_end(self, grace: float) -> None:
        with Runner(grace=grace) as runner:
            assert runner.run(add, 10, b=12) == 22

    @pytest.mark.parametrize("grace", [-1, float("nan")])
    def test_that_is_no_duration_is_refused_by_close_too(self, grace: float) -> None:
        runner = Runner()
        runner.run(add, 1, 1)
        with pytest.raises(ValueError, match="grace"):
            runner.close(grace=grace)
        runner.close()


class TestLoopFactory:
    @pytest.mark.parametrize("nonsense", [None, 7, "loop", object()], ids=repr)
    def test_that_returns_nonsense_is_a_type_error(self, nonsense: Any) -> None:
        with Runner(loop_factory=lambda: nonsense) as runner:
            for _ in range(2):
                with pytest.raises(TypeError, match="loop_factory returned"):
                    runner.run(add, 10, b=12)

    @pytest.mark.usefixtures("no_thread_left")
    def test_that_fails_once_is_asked_again(self) -> None:
        error = ValueError("no loop today")
        answers: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]

        def fail_once() -> asyncio.AbstractEventLoop:
            if answers:
                return answers.pop()()
            answers.append(asyncio.new_event_loop)
            raise error

        answers.pop()
        with Runner(loop_factory=fail_once) as runner:
            with pytest.raises(ValueError, match="no loop today") as raised:
                runner.run(add, 10, b=12)
            assert raised.value is error
            assert runner.run(add, 10, b=12) == 22

    @pytest.mark.parametrize("kind", ["closed", "running"])
    def test_whose_loop_cannot_run_is_a_clear_error(self, kind: str) -> None:
        with programs.Program("limits", "loop_factory", kind) as program:
            ended = program.finish(10)
        assert ended.lines[0].startswith("refused:")
        assert ended.lines[1:] == (["undisturbed"] if kind == "running" else [])
        assert ended.code == 0


class TestAThreadThatDoesNotStart:
    @pytest.mark.usefixtures("no_thread_left")
    def test_is_a_clear_error_and_the_next_call_works(
        self, runner: Runner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start = threading.Thread.start
        failures = [RuntimeError("can't start new thread")]

        def fail_once(thread: threading.Thread) -> None:
            if failures:
                raise failures.pop()
            start(thread)

        files = open_files()
        monkeypatch.setattr(threading.Thread, "start", fail_once)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            runner.run(add, 10, b=12)
        gc.collect()
        assert open_files() == files
        assert runner.run(add, 10, b=12) == 22

    def test_for_a_manager_is_a_clear_error_and_the_next_call_works(
        self, manager: sideloop.LoopManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start = threading.Thread.start
        failures = [RuntimeError("can't start new thread")] * 3

        def fail_at_first(thread: threading.Thread) -> None:
            if failures:
                raise failures.pop()
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", fail_at_first)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                manager.run_sync(add, 10, b=12)
        assert manager.run_sync(add, 10, b=12) == 22

    @pytest.mark.parametrize("kind", ["native", "foreign"])
    def test_because_the_system_has_none_is_a_clear_error_and_the_next_call_works(
        self, kind: str
    ) -> None:
        ended = programs.run("limits", "threads", kind)
        assert ended.lines == ["refused: can't start new thread"] * 6 + ["22"] * 2, ended
        assert (ended.code, ended.stderr) == (0, "")


class TestTheLimitOfOpenFiles:
    @pytest.mark.parametrize("kind", ["native", "foreign"])
    def test_reached_is_a_clear_error_and_the_next_call_works(self, kind: str) -> None:
        ended = programs.run("limits", "files", kind)
        # Of a loop that it could make by half asyncio complains on stderr by itself.
        assert ended.stdout == "refused, then served\n", ended
        assert ended.code == 0


class TestTheCollector:
    @pytest.mark.parametrize("kind", ["native", "foreign"])
    def test_may_run_at_any_allocation(self, kind: str) -> None:
        ended = programs.run("garbage", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "no crash\n", "")
