"""Submit: a call that nobody waits for yet, and the future that gets its outcome."""

import asyncio
import concurrent.futures
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from aliases import LoopFactory, WaitUntil
from interpreters import is_gone, let_go
from pace import scaled

from sideloop import DeadlockError, Runner, RunnerClosedError
from sideloop._runners.options import Drive
from sideloop._runners.runner import loop_of

variable = contextvars.ContextVar("variable", default="default")


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def call(sync_fn: Callable[[], object]) -> None:
    sync_fn()


class Sleeper:
    """An async function that sleeps until it is cancelled, and takes a turn to clean up."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cleaned_up = False

    async def __call__(self) -> None:
        self.started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            self.cleaned_up = True


@contextmanager
def loop_blocked(runner: Runner) -> Generator[None]:
    """The runner's loop does not come to start anything."""
    free, blocked = threading.Event(), threading.Event()

    async def block() -> None:
        blocked.set()
        free.wait(scaled(20))

    blocking = runner.submit(block)
    assert blocked.wait(scaled(20))
    try:
        yield
    finally:
        free.set()
        blocking.result(scaled(20))


class TestTheFuture:
    def test_holds_no_arguments_when_the_call_has_ended(
        self, runner: Runner, wait_until: WaitUntil
    ) -> None:
        class Argument:
            pass

        async def take(argument: Argument) -> int:
            return 22

        argument = Argument()
        gone = weakref.ref(argument)
        future = runner.submit(take, argument)
        assert future.result(scaled(20)) == 22
        del argument
        wait_until(lambda: gone() is None)

    @pytest.mark.parametrize("fails", [False, True])
    def test_is_told_before_finalizers_of_the_arguments_run(
        self, runner: Runner, fails: bool, wait_until: WaitUntil
    ) -> None:
        submitted, told, over = threading.Event(), threading.Event(), list[bool]()

        class Argument:
            def __del__(self) -> None:
                over.append(told.wait(scaled(20)))

        async def take(argument: Argument) -> int:
            del argument
            while not submitted.is_set():  # who submits holds it until then
                await asyncio.sleep(0)
            if fails:
                raise KeyError("after that")
            return 22

        # Made there: without the lock the thread that has made an object runs its finalizer.
        argument = runner.run_function(Argument)
        future = runner.submit(take, argument)
        del argument
        submitted.set()
        outcome = future.exception(scaled(20)) if fails else future.result(scaled(20))
        told.set()
        assert outcome == 22 or isinstance(outcome, KeyError)
        wait_until(lambda: let_go() or over)
        assert over == [True]

    def test_has_what_the_function_returns(self, runner: Runner) -> None:
        future = runner.submit(add, 10, b=12)
        assert isinstance(future, Future)
        assert future.result(scaled(20)) == 22
        assert future.exception(scaled(20)) is None
        assert future.done()
        assert not future.cancel()

    def test_has_the_very_exception_that_the_function_raised(self, runner: Runner) -> None:
        error = KeyError("of the user's")

        async def fail() -> None:
            raise error

        future = runner.submit(fail)
        assert future.exception(scaled(20)) is error
        with pytest.raises(KeyError) as raised:
            future.result(scaled(20))
        assert raised.value is error

    @pytest.mark.parametrize("exiting", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_has_an_exception_that_exits_and_the_loop_goes_on(
        self, runner: Runner, exiting: type[BaseException]
    ) -> None:
        async def leave() -> None:
            raise exiting

        assert isinstance(runner.submit(leave).exception(scaled(20)), exiting)
        assert runner.run(add, 10, b=12) == 22

    def test_is_not_there_yet_when_its_timeout_is_over_and_the_task_runs_on(
        self, runner: Runner
    ) -> None:
        go_on = asyncio.Event()
        future = runner.submit(go_on.wait)
        # An alias of TimeoutError since CPython 3.11.
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(timeout=0.01)
        runner.run(call, go_on.set)
        assert future.result(scaled(20)) is True

    def test_is_served_beside_a_hundred_others(self, runner: Runner) -> None:
        futures = [runner.submit(add, number, b=1) for number in range(100)]
        concurrent.futures.wait(futures, timeout=scaled(20))
        assert [future.result(0) for future in futures] == list(range(1, 101))

    def test_calls_back_on_the_loop_thread(self, runner: Runner, wait_until: WaitUntil) -> None:
        seen: list[str] = []
        future = runner.submit(asyncio.sleep, 0.01)
        future.add_done_callback(lambda _: seen.append(threading.current_thread().name))
        wait_until(lambda: seen)
        assert seen == ["tested"]

    def test_leaves_no_garbage_when_the_call_has_failed(self, runner: Runner) -> None:
        class MarkedError(Exception):
            pass

        async def fail() -> None:
            raise MarkedError

        gc.collect()
        gc.disable()
        try:
            future = runner.submit(fail)
            with pytest.raises(MarkedError) as raised:
                future.result(scaled(20))
            error = weakref.ref(raised.value)
            del future, raised
            assert is_gone(error)
        finally:
            gc.enable()

    def test_asked_on_the_loop_that_has_to_bring_it_is_a_deadlock_error(
        self, runner: Runner
    ) -> None:
        sleeper = Sleeper()
        future = runner.submit(sleeper)

        async def ask() -> None:
            future.result()

        with pytest.raises(DeadlockError, match="tested"):
            runner.run(ask)
        future.cancel()

    def test_can_be_awaited_by_async_code_on_another_loop(self, runner: Runner) -> None:
        async def main() -> int:
            return await asyncio.wrap_future(runner.submit(add, 10, b=12))

        assert asyncio.run(main()) == 22


class TestTheCall:
    def test_sees_the_context_variables_of_the_one_who_submits(self, runner: Runner) -> None:
        async def look() -> str:
            return variable.get()

        token = variable.set("the caller's")
        try:
            assert runner.submit(look).result(scaled(20)) == "the caller's"
        finally:
            variable.reset(token)

    def test_may_be_put_in_by_a_coroutine_on_the_same_loop(self, runner: Runner) -> None:
        async def outer() -> int:
            return await asyncio.wrap_future(runner.submit(add, 10, b=12))

        assert runner.run(outer) == 22

    def test_goes_to_the_next_loop_if_its_loop_ends_before_it_starts(self, runner: Runner) -> None:
        async def stop_and_block(blocked: threading.Event, free: threading.Event) -> None:
            asyncio.get_running_loop().stop()
            blocked.set()
            free.wait(scaled(20))

        blocked, free = threading.Event(), threading.Event()
        stopping = runner.submit(stop_and_block, blocked, free)
        assert blocked.wait(scaled(20))
        future = runner.submit(add, 10, b=12)
        free.set()
        assert future.result(scaled(20)) == 22
        stopping.exception(scaled(20))

    def test_of_what_is_no_async_function_is_refused_at_once(self, runner: Runner) -> None:
        for wrong in (add(1, 2), 7):
            with pytest.raises(TypeError, match="expected an async function"):
                runner.submit(wrong)  # type: ignore[arg-type]

    def test_on_a_loop_that_the_caller_drives_is_refused(self) -> None:
        with (
            Runner(drive="caller", name="driven") as runner,
            pytest.raises(RuntimeError, match=r"add\(\) was not submitted.*'driven'.*call it"),
        ):
            runner.submit(add, 10, b=12)


class TestCancel:
    def test_cancels_the_task_which_unwinds(self, runner: Runner) -> None:
        sleeper = Sleeper()
        future = runner.submit(sleeper)
        assert sleeper.started.wait(scaled(20))
        assert future.cancel()
        assert future.cancelled()
        with pytest.raises(CancelledError):
            future.result(scaled(20))
        concurrent.futures.wait([future], timeout=scaled(20))
        assert sleeper.cleaned_up

    def test_of_a_call_that_has_not_begun_keeps_it_from_running(self, runner: Runner) -> None:
        began: list[bool] = []

        async def begin() -> None:
            began.append(True)

        with loop_blocked(runner):
            future = runner.submit(begin)
            assert future.cancel()
            assert concurrent.futures.wait([future], timeout=scaled(20)).done == {future}
        runner.run(add, 10, b=12)
        assert not began

    def test_from_a_done_callback_and_from_many_threads_is_one_cancellation(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        sleeper = Sleeper()
        future = runner.submit(sleeper)
        future.add_done_callback(lambda done: done.cancel())
        assert sleeper.started.wait(scaled(20))
        assert all(threads.map(lambda _: future.cancel(), range(16)))
        concurrent.futures.wait([future], timeout=scaled(20))
        assert sleeper.cleaned_up

    def test_leaves_an_error_of_the_unwinding_to_the_exception_handler(self) -> None:
        reported: list[object] = []
        started = threading.Event()

        async def fail_while_unwinding() -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                raise KeyError("while unwinding")

        with Runner(exception_handler=lambda _, about: reported.append(about["exception"])) as one:
            future = one.submit(fail_while_unwinding)
            assert started.wait(scaled(20))
            future.cancel()
            concurrent.futures.wait([future], timeout=scaled(20))
        assert [str(error) for error in reported] == ["'while unwinding'"]

    def test_by_the_task_itself_leaves_the_future_cancelled(self, runner: Runner) -> None:
        async def give_up() -> None:
            raise asyncio.CancelledError

        future = runner.submit(give_up)
        with pytest.raises(CancelledError):
            future.result(scaled(20))
        assert future.cancelled()


class TestClosingTheRunner:
    def test_cancels_the_task_and_fails_the_future(self, loop_factory: LoopFactory | None) -> None:
        sleeper = Sleeper()
        with Runner(name="closing", loop_factory=loop_factory) as runner:
            future = runner.submit(sleeper)
            assert sleeper.started.wait(scaled(20))
        assert sleeper.cleaned_up
        with pytest.raises(RunnerClosedError, match=r"'closing' is closed.*cancelled before"):
            future.result(0)

    def test_refuses_later_calls(self, runner: Runner) -> None:
        runner.close()
        with pytest.raises(RunnerClosedError, match="was not started"):
            runner.submit(add, 10, b=12)

    def test_fails_a_call_that_has_not_begun(self, runner: Runner) -> None:
        with loop_blocked(runner):
            future = runner.submit(add, 10, b=12)
            loop_of(runner).close_soon()
            with pytest.raises(RunnerClosedError, match="was not started"):
                future.result(scaled(20))


class TestDebug:
    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize("debug", [True, False])
    def test_is_the_mode_of_the_loop(self, drive: Drive, debug: bool) -> None:
        async def mode() -> bool:
            return asyncio.get_running_loop().get_debug()

        with Runner(debug=debug, drive=drive) as runner:
            assert runner.run(mode) is debug
