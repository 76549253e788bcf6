"""Submit on, and run on a loop that is about to run."""

import asyncio
import contextvars
import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopManager, LoopStoppedError, Runner, run_on, submit_on

variable = contextvars.ContextVar("variable", default="default")


def uvloop_or_skip() -> asyncio.AbstractEventLoop:
    found: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return found


@pytest.fixture(
    params=[asyncio.new_event_loop, sideloop.new_event_loop, uvloop_or_skip],
    ids=["asyncio", "sideloop", "uvloop"],
)
def idle(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not run."""
    loop = request.param()
    yield loop
    if not loop.is_closed():
        loop.close()


class Host:
    """Runs it on another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, after: float = 0.0) -> None:
        self.loop = loop
        self.after = after
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        time.sleep(self.after)
        self.loop.run_forever()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


@pytest.fixture
def running(idle: asyncio.AbstractEventLoop) -> Iterator[asyncio.AbstractEventLoop]:
    host = Host(idle)
    yield idle
    if host.thread.is_alive():
        host.stop()


async def look() -> tuple[object, str]:
    await asyncio.sleep(0)
    return asyncio.get_running_loop(), variable.get()


class TestSubmitOn:
    def test_calls_there_in_a_copy_of_the_callers_context(
        self, running: asyncio.AbstractEventLoop
    ) -> None:
        def test() -> None:
            variable.set("the caller's")
            assert submit_on(running, look).result(scaled(20)) == (running, "the caller's")

        contextvars.copy_context().run(test)

    def test_takes_all_keyword_arguments_along(self, running: asyncio.AbstractEventLoop) -> None:
        async def take(**kwargs: int) -> dict[str, int]:
            return kwargs

        taken = {"wait_for_loop": 1, "loop": 2, "async_fn": 3, "self": 4}
        assert submit_on(running, take, **taken).result(scaled(20)) == taken
        assert run_on(running, take, **taken) == taken

    def test_raises_what_the_call_raises(self, running: asyncio.AbstractEventLoop) -> None:
        error = KeyError("of the user's")

        async def fail() -> None:
            raise error

        assert submit_on(running, fail).exception(scaled(20)) is error

    def test_can_be_cancelled(self, running: asyncio.AbstractEventLoop) -> None:
        begun, unwound = threading.Event(), threading.Event()

        async def sleep() -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                unwound.set()

        future = submit_on(running, sleep)
        assert begun.wait(scaled(20))
        assert future.cancel()
        assert unwound.wait(scaled(20))
        with pytest.raises(CancelledError):
            future.result()

    def test_may_be_called_on_the_loops_own_thread(self, idle: asyncio.AbstractEventLoop) -> None:
        async def main() -> object:
            return await asyncio.wrap_future(submit_on(asyncio.get_running_loop(), look))

        assert idle.run_until_complete(main()) == (idle, "default")

    def test_refuses_to_wait_on_the_loops_own_thread(self, idle: asyncio.AbstractEventLoop) -> None:
        async def main() -> object:
            future = submit_on(idle, look)
            with pytest.raises(DeadlockError):
                future.result()
            return await asyncio.wrap_future(future)

        assert idle.run_until_complete(main()) == (idle, "default")

    def test_takes_the_loop_of_a_runner(self) -> None:
        with Runner() as runner:
            assert submit_on(runner.loop, look).result(scaled(20))[0] is runner.loop
        with LoopManager() as manager:
            assert submit_on(manager.loop, look).result(scaled(20))[0] is manager.loop

    def test_refuses_a_closed_loop(self, idle: asyncio.AbstractEventLoop) -> None:
        idle.close()
        with pytest.raises(RuntimeError, match=r"look.* was not started: the event loop"):
            submit_on(idle, look)

    def test_refuses_what_is_no_loop_or_no_async_function(
        self, idle: asyncio.AbstractEventLoop
    ) -> None:
        with pytest.raises(TypeError, match="expected an event loop, got function"):
            submit_on(look, look)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="got a coroutine object"):
            submit_on(idle, look())  # type: ignore[arg-type]

    def test_says_that_the_loop_was_closed_under_the_call(
        self, idle: asyncio.AbstractEventLoop
    ) -> None:
        host = Host(idle)
        begun = threading.Event()

        async def sleep() -> None:
            begun.set()
            await asyncio.sleep(60)

        future = submit_on(idle, sleep)
        assert begun.wait(scaled(20))
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(future.result)
            host.stop()
            for task in asyncio.all_tasks(idle):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
            idle.close()
            with pytest.raises(LoopStoppedError, match="was closed"):
                waiting.result(scaled(20))

    def test_waits_for_a_loop_that_does_not_run_for_so_long(
        self, idle: asyncio.AbstractEventLoop
    ) -> None:
        gc.collect()  # what other tests have left
        before = sideloop.statistics().calls
        future = submit_on(idle, wait_for_loop=0.1)(look)
        with pytest.raises(LoopStoppedError, match=r"did not run for 0\.1 s"):
            future.result()
        with pytest.raises(LoopStoppedError):
            future.result()
        # And never begins afterwards.
        idle.run_until_complete(asyncio.sleep(0.01))
        del future
        gc.collect()
        after = sideloop.statistics().calls
        assert (after.waiting, after.abandoned) == (before.waiting, before.abandoned + 1)

    def test_is_served_by_a_loop_that_runs_later(self, idle: asyncio.AbstractEventLoop) -> None:
        future = submit_on(idle, wait_for_loop=None)(look)
        host = Host(idle, after=0.2)
        assert future.result(scaled(20)) == (idle, "default")
        host.stop()


class TestRunOn:
    @pytest.mark.parametrize("seconds", [0, 0.1])
    def test_gives_a_loop_so_long_to_begin(
        self, idle: asyncio.AbstractEventLoop, seconds: float
    ) -> None:
        with pytest.raises(LoopStoppedError, match=f"did not run for {seconds:g} s"):
            run_on(idle, wait_for_loop=seconds)(look)

    @pytest.mark.parametrize("seconds", [20, None])
    def test_waits_for_a_loop_that_is_about_to_run(
        self, idle: asyncio.AbstractEventLoop, seconds: float | None
    ) -> None:
        host = Host(idle, after=0.2)
        assert run_on(idle, wait_for_loop=seconds)(look) == (idle, "default")
        host.stop()

    def test_gives_up_when_the_callers_time_is_over(self, idle: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(TimeoutError), sideloop.timeout(0.1):
            run_on(idle, wait_for_loop=None)(look)

    @pytest.mark.parametrize("on", [run_on, submit_on])
    def test_refuses_what_is_no_duration(
        self, idle: asyncio.AbstractEventLoop, on: Callable[..., object]
    ) -> None:
        with pytest.raises(ValueError, match="wait_for_loop is a number of seconds"):
            on(idle, wait_for_loop=-1)
