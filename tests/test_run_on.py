"""Run on: a call to a loop that somebody else runs."""

import asyncio
import contextlib
import contextvars
import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import programs
import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopStoppedError, Runner, run_on

variable = contextvars.ContextVar("variable", default="default")


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


class Others:
    """A loop that somebody else runs on a thread of theirs."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.loop = factory()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()

    def close(self) -> None:
        self.stop()
        self.loop.close()


@pytest.fixture(
    params=[asyncio.new_event_loop, sideloop.new_event_loop],
    ids=["asyncio", "sideloop"],
)
def others(request: pytest.FixtureRequest) -> Generator[Others]:
    others = Others(request.param)
    yield others
    if not others.loop.is_closed():
        others.close()


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


class TestACall:
    def test_returns_what_the_function_returns(self, others: Others) -> None:
        assert [run_on(others.loop, add, n, b=1) for n in range(50)] == list(range(1, 51))

    def test_runs_on_that_loop_and_its_thread(self, others: Others) -> None:
        async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
            return asyncio.get_running_loop(), threading.current_thread()

        assert run_on(others.loop, where) == (others.loop, others.thread)

    def test_sees_the_context_variables_of_the_caller(self, others: Others) -> None:
        async def look() -> str:
            return variable.get()

        token = variable.set("the caller's")
        try:
            assert run_on(others.loop, look) == "the caller's"
        finally:
            variable.reset(token)

    def test_raises_the_very_exception_that_the_function_raised(self, others: Others) -> None:
        error = KeyError("of the user's")

        async def fail() -> None:
            raise error

        with pytest.raises(KeyError) as raised:
            run_on(others.loop, fail)
        assert raised.value is error

    def test_from_a_coroutine_on_another_loop_works(self, others: Others) -> None:
        async def outer() -> int:
            return run_on(others.loop, add, 10, b=12)

        assert sideloop.run_sync(outer) == 22

    def test_to_the_loop_of_a_runner_works(self) -> None:
        async def running_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        with Runner() as runner:
            assert run_on(runner.run(running_loop), add, 10, b=12) == 22
            assert runner.run(add, 10, b=12) == 22


class TestItsDoor:
    def test_is_closed_to_a_loop_that_is_closed(self, others: Others) -> None:
        others.close()
        with pytest.raises(RuntimeError, match=r"add\(\) was not started.*is closed"):
            run_on(others.loop, add, 10, b=12)

    def test_is_closed_to_the_loop_that_the_caller_runs_on(self, others: Others) -> None:
        async def outer() -> int:
            return run_on(others.loop, add, 10, b=12)

        with pytest.raises(DeadlockError, match=r"add\(\)"):
            run_on(others.loop, outer)
        assert run_on(others.loop, add, 10, b=12) == 22

    def test_is_closed_to_a_circle_of_runners_loops(self) -> None:
        async def running_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        with Runner(name="first") as first, Runner(name="second") as second:
            loops = first.run(running_loop), second.run(running_loop)

            async def back() -> int:
                return run_on(loops[0], add, 10, b=12)

            async def there() -> int:
                return run_on(loops[1], back)

            with pytest.raises(DeadlockError, match=r"'first'.*back\(\) on runner 'second'"):
                run_on(loops[0], there)

    def test_is_closed_to_what_is_no_loop(self) -> None:
        with pytest.raises(TypeError, match="expected an event loop, got function"):
            run_on(add, add, 10, b=12)  # type: ignore[arg-type]

    def test_is_closed_to_what_is_no_async_function(self, others: Others) -> None:
        with pytest.raises(TypeError, match="expected an async function"):
            run_on(others.loop, add(10, b=12))  # type: ignore[arg-type]


class TestALoopThatDoesNotRunYet:
    def test_runs_the_call_as_soon_as_it_runs(self, others: Others) -> None:
        others.stop()

        def run_it() -> None:
            while not others.loop._ready:  # type: ignore[attr-defined]
                time.sleep(0.001)
            others.loop.run_forever()

        others.thread = threading.Thread(target=run_it)
        others.thread.start()
        assert run_on(others.loop, add, 10, b=12) == 22

    def test_may_take_several_short_runs(self, others: Others) -> None:
        others.stop()

        def run_it() -> None:
            while not others.loop._ready:  # type: ignore[attr-defined]
                time.sleep(0.001)
            for _ in range(20):
                others.loop.call_soon(others.loop.stop)
                others.loop.run_forever()

        others.thread = threading.Thread(target=run_it)
        others.thread.start()
        assert run_on(others.loop, add, 10, b=12) == 22
        others.thread.join()

    def test_for_the_grace_is_given_up(
        self, others: Others, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sideloop._runners.run_on.GRACE", 0.05)
        others.stop()
        called: list[str] = []
        self.give_up(others, called, LoopStoppedError, "was not started: .* did not run for 0.05 s")

    def test_within_a_time_limit_is_given_up(self, others: Others) -> None:
        others.stop()
        called: list[str] = []
        with sideloop.timeout(0.05):
            self.give_up(others, called, TimeoutError, "did not end within")

    def give_up(
        self, others: Others, called: list[str], error: type[BaseException], message: str | None
    ) -> None:
        async def call() -> None:
            called.append("called")

        with pytest.raises(error, match=message):
            run_on(others.loop, call)
        # What was given up is not called later on either.
        others.loop.call_later(0.01, others.loop.stop)
        others.loop.run_forever()
        assert called == []

    def test_when_ctrl_c_comes_is_given_up(self, others: Others) -> None:
        others.stop()

        def press() -> None:
            while not others.loop._ready:  # type: ignore[attr-defined]
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        pressing = threading.Thread(target=press)
        pressing.start()
        try:
            self.give_up(others, [], KeyboardInterrupt, None)
        finally:
            pressing.join()
            signal.signal(signal.SIGINT, before)

    def test_and_is_closed_meanwhile_fails_the_call(self, others: Others) -> None:
        others.stop()

        def close_it() -> None:
            while not others.loop._ready:  # type: ignore[attr-defined]
                time.sleep(0.001)
            others.loop.close()

        closing = threading.Thread(target=close_it)
        closing.start()
        with pytest.raises(LoopStoppedError, match="was closed before"):
            run_on(others.loop, add, 10, b=12)
        closing.join()


class TestALoopThatEndsUnderACall:
    def test_fails_the_call_when_it_is_closed(self, others: Others) -> None:
        started = threading.Event()

        async def sleep() -> None:
            started.set()
            await asyncio.sleep(60)

        def close() -> None:
            started.wait(scaled(20))
            others.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(LoopStoppedError, match=r"was closed before .*sleep\(\)"):
            run_on(others.loop, sleep)
        closing.join()

    def test_may_be_stopped_for_a_while_and_run_again(self, others: Others) -> None:
        sleeping, go_on = threading.Event(), asyncio.Event()

        async def sleep() -> str:
            sleeping.set()
            await go_on.wait()
            return "slept"

        def stop_and_run_again() -> None:
            sleeping.wait(scaled(20))
            others.stop()
            time.sleep(0.06)  # two looks of the caller's
            others.thread = threading.Thread(target=others.loop.run_forever)
            others.thread.start()
            others.loop.call_soon_threadsafe(go_on.set)

        stopping = threading.Thread(target=stop_and_run_again)
        stopping.start()
        assert run_on(others.loop, sleep) == "slept"
        stopping.join()

    def test_fails_the_call_when_it_stands_still_for_the_grace(
        self, others: Others, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sideloop._runners.run_on.GRACE", 0.05)
        sleeper = Sleeper()

        def stop() -> None:
            sleeper.started.wait(scaled(20))
            others.stop()

        stopping = threading.Thread(target=stop)
        stopping.start()
        with pytest.raises(LoopStoppedError, match=r"was stopped before .*Sleeper"):
            run_on(others.loop, sleeper)
        stopping.join()
        # What is left on the loop is its owner's; here that is us.
        for task in asyncio.all_tasks(others.loop):
            task.cancel()
            others.loop.run_until_complete(asyncio.wait([task]))


class TestALimit:
    def test_cancels_the_task_which_unwinds(self, others: Others) -> None:
        sleeper = Sleeper()
        with pytest.raises(TimeoutError, match="did not end within"), sideloop.timeout(0.05):
            run_on(others.loop, sleeper)
        assert sleeper.cleaned_up
        assert run_on(others.loop, add, 10, b=12) == 22

    def test_leaves_a_task_that_blocks_the_loop_and_never_stops_that_loop(
        self, others: Others, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("sideloop._runners.run_on.GRACE", 0.05)
        free = threading.Event()

        async def block() -> None:
            free.wait(scaled(20))

        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            run_on(others.loop, block)
        assert "was left behind" in caplog.text
        free.set()
        assert run_on(others.loop, add, 10, b=12) == 22

    def test_ctrl_c_cancels_the_task_which_unwinds(self, others: Others) -> None:
        sleeper = Sleeper()

        def press() -> None:
            sleeper.started.wait(scaled(20))
            os.kill(os.getpid(), signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        pressing = threading.Thread(target=press)
        pressing.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                run_on(others.loop, sleeper)
        finally:
            pressing.join()
            signal.signal(signal.SIGINT, before)
        assert sleeper.cleaned_up


class TestASignal:
    """On the main thread, which waits or runs the loop."""

    @pytest.mark.parametrize("what", ["the_loop_is_closed_meanwhile", "the_loop_is_closed_at_once"])
    def test_outranks_that_the_loop_is_gone(self, what: str) -> None:
        ended = programs.run("run_on", what)
        assert ended.lines[0].startswith("KeyboardInterrupt"), ended

    @pytest.mark.parametrize("what", ["is_running", "is_closed"])
    def test_whose_handler_raises_in_the_loops_own_code_is_heard(self, what: str) -> None:
        ended = programs.run("run_on", what)
        assert ended.lines[0].startswith("LeaveError"), ended

    def test_that_comes_while_a_time_limit_cancels_the_task_outranks_the_limit(self) -> None:
        ended = programs.run("run_on", "the_waking_of_a_cancellation")
        assert ended.lines[0].startswith("KeyboardInterrupt"), ended

    def test_in_the_function_comes_to_the_loops_owner_and_to_the_caller(self) -> None:
        ended = programs.run("run_on", "the_function")
        assert ended.lines == ["KeyboardInterrupt", "KeyboardInterrupt"], ended


class TestALoopThatAnswersNoQuestion:
    @pytest.mark.parametrize("question", ["is_running", "is_closed"])
    def test_gives_its_error_to_the_caller_whose_task_unwinds(self, question: str) -> None:
        class QuestionError(Exception):
            pass

        def ask(self: Any) -> bool:
            if sleeper.started.is_set() and threading.current_thread() is caller:
                raise QuestionError
            return bool(getattr(super(Own, self), question)())

        Own = type("Own", (asyncio.SelectorEventLoop,), {question: ask})  # noqa: N806  # a class
        caller, sleeper = threading.current_thread(), Sleeper()
        others = Others(Own)
        with pytest.raises(QuestionError):
            run_on(others.loop, sleeper)
        sleeper.started.clear()
        assert run_on(others.loop, add, 10, b=12) == 22
        others.close()


@pytest.mark.parametrize("make", [asyncio.new_event_loop, sideloop.new_event_loop])
def test_a_call_that_was_given_up_since_its_loop_is_gone_is_collected_with_it(
    make: Callable[[], asyncio.AbstractEventLoop], wait_until: WaitUntil
) -> None:
    def once() -> list[weakref.ref[Any]]:
        others, started = Others(make), threading.Event()
        seen: list[weakref.ref[Any]] = [weakref.ref(others.loop)]

        async def forever() -> None:
            task: Any = asyncio.current_task()
            task._log_destroy_pending = False
            seen.append(weakref.ref(task))
            started.set()
            await asyncio.get_running_loop().create_future()

        def call() -> None:
            with pytest.raises(LoopStoppedError):
                run_on(others.loop, forever)

        caller = threading.Thread(target=call)
        caller.start()
        assert started.wait(scaled(20))
        others.close()
        caller.join()
        return seen

    seen = [one for _ in range(3) for one in once()]

    def all_gone() -> bool:
        gc.collect()
        return not any(one() is not None for one in seen)

    wait_until(all_gone)


@pytest.mark.parametrize("exit_kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("turns", [0, 1, 3])
class TestAnExitOfTheCall:
    """It leaves the loop, whose owner need not run that again."""

    def test_is_raised_to_its_caller_at_once(
        self,
        exit_kind: type[BaseException],
        turns: int,
        others: Others,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        others.stop()
        error = exit_kind("of the call")
        owner = owned(others)

        async def leave() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            raise error

        began = time.monotonic()
        with pytest.raises(exit_kind) as raised:
            run_on(others.loop, leave)
        assert raised.value is error
        assert time.monotonic() - began < scaled(2)
        assert owner.result(scaled(20)) is error
        # What it had left to do is done when it runs again, and told to nobody else.
        others.thread = threading.Thread(target=others.loop.run_forever)
        others.thread.start()
        assert run_on(others.loop, add, 10, b=12) == 22
        others.close()
        gc.collect()
        assert not caplog.records

    def test_is_raised_to_it_where_the_owner_closes_the_loop(
        self, exit_kind: type[BaseException], turns: int, others: Others
    ) -> None:
        others.stop()
        error = exit_kind("of the call")

        async def leave() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            raise error

        owner = owned(others)
        owner.add_done_callback(lambda _: others.loop.close())
        with pytest.raises(exit_kind) as raised:
            run_on(others.loop, leave)
        assert raised.value is error

    def test_does_not_end_the_calls_beside_it_while_the_loop_is_run_again(
        self, exit_kind: type[BaseException], turns: int, others: Others
    ) -> None:
        others.stop()
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    others.loop.run_forever()

        others.thread = threading.Thread(target=run)
        others.thread.start()

        async def leave(number: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            raise exit_kind(number)

        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(run_on, others.loop, add, number, b=1) for number in range(20)]
            exits = [threads.submit(run_on, others.loop, leave, number) for number in range(20)]
            assert [call.result(scaled(20)) for call in calls] == list(range(1, 21))
            left = [call.exception(scaled(20)) for call in exits]
        assert [error.args for error in left if error] == [(number,) for number in range(20)]
        over.set()
        others.stop()


def owned(others: Others) -> Future[BaseException | None]:
    """Run the loop on a thread whose owner lets it be when something has left it."""
    left: Future[BaseException | None] = Future()

    def run() -> None:
        try:
            others.loop.run_forever()
        except BaseException as error:
            left.set_result(error)
        else:
            left.set_result(None)

    others.thread = threading.Thread(target=run)
    others.thread.start()
    return left
