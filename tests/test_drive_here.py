"""`sideloop.drive`: a call on a loop that nobody runs, which its caller turns."""

import asyncio
import contextlib
import contextvars
import gc
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopStoppedError, Runner, drive, run_on

variable = contextvars.ContextVar("variable", default="default")


def uvloop_or_skip() -> asyncio.AbstractEventLoop:
    found: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return found


@pytest.fixture(
    params=[asyncio.new_event_loop, sideloop.new_event_loop, uvloop_or_skip],
    ids=["asyncio", "sideloop", "uvloop"],
)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop = request.param()
    yield loop
    if not loop.is_closed():
        loop.close()


async def look() -> tuple[object, str, object]:
    await asyncio.sleep(0)
    return asyncio.get_running_loop(), variable.get(), threading.current_thread()


class Sleeper:
    def __init__(self) -> None:
        self.cleaned_up = False

    async def __call__(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            self.cleaned_up = True


class TestDrive:
    def test_runs_on_the_calling_thread_in_a_copy_of_its_context(
        self, loop: asyncio.AbstractEventLoop
    ) -> None:
        def test() -> None:
            variable.set("the caller's")
            assert drive(loop, look) == (loop, "the caller's", threading.current_thread())

        contextvars.copy_context().run(test)

    def test_serves_what_was_made_on_the_loop_before(self, loop: asyncio.AbstractEventLoop) -> None:
        async def make() -> "asyncio.Task[str]":
            return asyncio.create_task(asyncio.sleep(0.01, "slept"))

        task = loop.run_until_complete(make())

        async def take() -> str:
            return await task

        assert drive(loop, take) == "slept"
        assert loop.run_until_complete(asyncio.sleep(0, "after")) == "after"

    @pytest.mark.parametrize("error", [KeyError("a"), SystemExit(3), KeyboardInterrupt()])
    def test_raises_what_the_call_raises(
        self, loop: asyncio.AbstractEventLoop, error: BaseException
    ) -> None:
        async def fail() -> None:
            await asyncio.sleep(0)
            raise error

        with pytest.raises(type(error)) as raised:
            drive(loop, fail)
        assert raised.value is error
        assert drive(loop, look)[0] is loop

    def test_leaves_no_garbage_of_a_call_that_fails(self, loop: asyncio.AbstractEventLoop) -> None:
        async def fail() -> None:
            raise LookupError

        def call() -> None:
            with contextlib.suppress(LookupError):
                drive(loop, fail)

        call()
        gc.collect()
        gc.disable()
        try:
            for _ in range(100):
                call()
            assert gc.collect() < 100  # not one a call: other tests leave some
        finally:
            gc.enable()

    def test_cancels_the_call_when_its_time_is_over(self, loop: asyncio.AbstractEventLoop) -> None:
        sleeper = Sleeper()
        with pytest.raises(TimeoutError, match="Sleeper"), sideloop.timeout(0.05):
            drive(loop, sleeper)
        assert sleeper.cleaned_up
        with pytest.raises(TimeoutError, match="was not started"), sideloop.timeout(0):
            drive(loop, look)

    def test_cancels_the_call_at_ctrl_c(self, loop: asyncio.AbstractEventLoop) -> None:
        sleeper = Sleeper()
        main = threading.main_thread().ident
        assert main is not None
        pressing = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
        pressing.start()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                drive(loop, sleeper)
        finally:
            signal.signal(signal.SIGINT, before)
            pressing.join()
        assert sleeper.cleaned_up

    def test_lets_another_loop_of_the_thread_wait(self, loop: asyncio.AbstractEventLoop) -> None:
        async def outer() -> Any:
            inner = drive(loop, look)
            assert asyncio.get_running_loop() is not loop
            await asyncio.sleep(0)
            return inner[0]

        assert asyncio.run(outer()) is loop

    def test_refuses_a_loop_that_the_thread_runs(self, loop: asyncio.AbstractEventLoop) -> None:
        async def outer() -> None:
            with pytest.raises(DeadlockError):
                drive(loop, look)

        loop.run_until_complete(outer())

    def test_refuses_a_loop_that_it_turns_further_out(
        self, loop: asyncio.AbstractEventLoop
    ) -> None:
        other = asyncio.new_event_loop()

        async def back() -> None:
            with pytest.raises((DeadlockError, RuntimeError)):
                drive(loop, look)

        async def outer() -> None:
            drive(other, back)

        drive(loop, outer)
        other.close()

    def test_refuses_a_loop_that_another_thread_runs(self) -> None:
        with Runner() as runner, pytest.raises(RuntimeError, match=r"use sideloop\.run_on"):
            drive(runner.loop, look)

    def test_refuses_a_call_that_waits_for_itself(self, loop: asyncio.AbstractEventLoop) -> None:
        with Runner() as runner:

            async def back() -> None:
                with pytest.raises(DeadlockError):
                    run_on(loop, look)

            async def outer() -> None:
                runner.run(back)

            drive(loop, outer)

    def test_refuses_a_closed_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.close()
        with pytest.raises(RuntimeError, match="was not started"):
            drive(loop, look)

    def test_says_that_user_code_has_stopped_the_loop(
        self, loop: asyncio.AbstractEventLoop
    ) -> None:
        sleeper = Sleeper()

        async def stop() -> None:
            asyncio.get_running_loop().call_later(0.01, asyncio.get_running_loop().stop)
            await sleeper()

        with pytest.raises(LoopStoppedError, match="was stopped"):
            drive(loop, stop)
        assert sleeper.cleaned_up

    def test_leaves_behind_what_ignores_its_cancellation_at_a_second_ctrl_c(
        self, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
    ) -> None:
        end = time.monotonic() + scaled(20)
        free = threading.Event()

        async def stubborn() -> None:
            while not free.is_set() and time.monotonic() < end:
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    asyncio.get_running_loop().call_later(0.05, press)

        def press() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), sideloop.timeout(0.05):
            drive(loop, stubborn)
        assert "ignores its cancellation" in caplog.text
        free.set()
        loop.run_until_complete(asyncio.sleep(0.05))

    def test_is_not_left_on_the_loop_by_a_signal_handler_as_it_comes_in(self) -> None:
        class Interrupted(asyncio.SelectorEventLoop):
            interrupts = True

            def call_soon(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
                handle = super().call_soon(*args, **kwargs)
                if self.interrupts:
                    self.interrupts = False
                    raise SystemExit(3)  # as a handler does that runs here
                return handle

        async def call() -> None:
            ran.append(1)

        ran: list[int] = []
        loop = Interrupted()
        with pytest.raises(SystemExit):
            drive(loop, call)
        loop.run_until_complete(asyncio.sleep(0.01))
        assert ran == []
        loop.close()


class TestTheStopAtTheEnd:
    @pytest.mark.parametrize("base", [asyncio.SelectorEventLoop, sideloop.EventLoop])
    def test_keeps_no_exception_of_a_signal_handler_for_the_next_run(self, base: Any) -> None:
        class Interrupted(base):  # type: ignore[misc]
            interrupts = True

            def stop(self) -> None:
                super().stop()
                if self.interrupts:
                    self.interrupts = False
                    raise SystemExit(3)  # as a handler does that runs here

        loop = Interrupted()
        with pytest.raises(SystemExit):
            drive(loop, look)
        assert loop.run_until_complete(asyncio.sleep(0.01, "after")) == "after"
        assert drive(loop, look)[0] is loop
        loop.close()

    def test_is_not_kept_by_a_loop_that_an_exit_leaves(self) -> None:
        class Nested(asyncio.SelectorEventLoop):
            """Like nest_asyncio's, it forgets that it was stopped unless an exit leaves it."""

            _stopping = False

            def run_forever(self) -> None:
                asyncio._set_running_loop(self)
                try:
                    while not self._stopping:
                        self._run_once()  # type: ignore[attr-defined]
                finally:
                    asyncio._set_running_loop(None)
                self._stopping = False

        async def end() -> None:
            task = asyncio.tasks.current_task(loop)
            assert task is not None
            task.add_done_callback(leave)

        def leave(_: object) -> None:
            raise SystemExit(7)

        loop = Nested()
        with pytest.raises(SystemExit):
            drive(loop, end)
        assert not loop._stopping
        loop.close()

    def test_for_an_errand_hides_no_exit_of_the_same_turn(
        self, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
    ) -> None:
        def leave() -> None:
            raise SystemExit(7)

        async def ask() -> None:
            loop.call_soon(leave)
            await sideloop.run_on_caller(int)

        with pytest.raises(SystemExit):
            drive(loop, ask)
        assert "ignores its cancellation" not in caplog.text
        assert drive(loop, look)[0] is loop
