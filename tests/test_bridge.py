"""What code of others needs of a loop: its loop and thread, awaitables, sync functions on it."""

import asyncio
import contextlib
import contextvars
import gc
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hosts import MakeRunner
from pace import scaled
from programs import run

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, RunnerClosedError
from sideloop._sideloop import Handed

variable = contextvars.ContextVar("variable", default="default")


@pytest.fixture(params=["runner", "manager"])
def owner(request: pytest.FixtureRequest, kind: str, make_runner: MakeRunner) -> Iterator[Any]:
    if request.param == "runner":
        yield make_runner()
        return
    options: dict[str, Any] = {
        "native": {},
        "foreign": {"loop_factory": asyncio.new_event_loop},
        "driven": {"drive": "caller"},
    }[kind]
    with LoopManager(**options) as manager:
        yield manager


def call(owner: Any) -> Callable[..., Any]:
    found: Callable[..., Any] = owner.run if isinstance(owner, Runner) else owner.run_sync
    return found


async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    return asyncio.get_running_loop(), threading.current_thread()


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
            await asyncio.sleep(0.01)
            self.cleaned_up = True


class TestTheLoop:
    def test_and_its_thread_are_those_of_the_calls(self, owner: Any) -> None:
        loop, thread = owner.loop, owner.thread
        assert call(owner)(where) == (loop, thread)
        assert (owner.loop, owner.thread) == (loop, thread)

    def test_is_refused_when_the_runner_is_closed(self, make_runner: MakeRunner) -> None:
        runner = make_runner()
        runner.close()
        with pytest.raises(RunnerClosedError, match=r"Runner\.loop"):
            _ = runner.loop
        with pytest.raises(RunnerClosedError, match=r"Runner\.thread"):
            _ = runner.thread

    def test_is_replaced_when_user_code_has_stopped_it(self) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)

        with Runner() as runner:
            loop = runner.loop
            with pytest.raises(sideloop.LoopStoppedError):
                runner.run(stop)
            assert runner.loop is not loop
            assert runner.run(where) == (runner.loop, runner.thread)

    def test_can_be_asked_for_by_a_coroutine_on_it(self, owner: Any) -> None:
        async def ask() -> tuple[bool, bool]:
            return owner.loop is asyncio.get_running_loop(), owner.thread.is_alive()

        # A manager's call would go one depth below.
        assert call(owner)(ask) == (isinstance(owner, Runner), True)

    def test_that_is_driven_says_when_its_thread_has_ended(self) -> None:
        runner = Runner(drive="caller")
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lambda: runner.thread is threading.current_thread()).result()
            assert runner.thread in threading.enumerate()
        with pytest.raises(RuntimeError, match="has ended, and no other one can drive it"):
            _ = runner.thread

    def test_serves_what_asyncio_has_for_other_threads(self) -> None:
        with Runner() as runner:
            future = asyncio.run_coroutine_threadsafe(where(), runner.loop)
            assert future.result(scaled(20)) == (runner.loop, runner.thread)


class TestAnAwaitable:
    def test_may_be_a_coroutine_object(self, owner: Any) -> None:
        async def look(found: str) -> tuple[str, str, object]:
            await asyncio.sleep(0)
            return found, variable.get(), asyncio.get_running_loop()

        def test() -> None:
            variable.set("the caller's")
            assert owner.run_awaitable(look("here")) == ("here", "the caller's", owner.loop)

        contextvars.copy_context().run(test)

    def test_may_be_a_task_of_the_loop(self, owner: Any) -> None:
        async def start() -> "asyncio.Task[str]":
            return asyncio.create_task(asyncio.sleep(0.01, "slept"))

        task = call(owner)(start)
        assert owner.run_awaitable(task) == "slept"
        assert owner.run_awaitable(task) == "slept"

    def test_may_be_a_future_of_the_loop(self, owner: Any) -> None:
        future = owner.run_function(owner.loop.create_future)
        owner.run_function(future.set_result, 22)
        assert owner.run_awaitable(future) == 22

    def test_may_be_anything_that_can_be_awaited(self, owner: Any) -> None:
        class Awaitable:
            def __await__(self) -> Generator[Any, None, str]:
                yield from asyncio.sleep(0).__await__()
                return "awaited"

        @types.coroutine
        def old() -> Generator[Any, None, str]:
            yield from asyncio.sleep(0).__await__()
            return "old"

        async def numbers() -> Any:
            yield 1

        assert owner.run_awaitable(Awaitable()) == "awaited"
        assert owner.run_awaitable(old()) == "old"
        generator = numbers()
        assert owner.run_awaitable(generator.__anext__()) == 1
        assert owner.run_awaitable(generator.aclose()) is None

    def test_that_fails_raises_the_same_exception(self, owner: Any) -> None:
        error = KeyError("of the user's")

        async def fail() -> None:
            raise error

        with pytest.raises(KeyError) as raised:
            owner.run_awaitable(fail())
        assert raised.value is error

    def test_that_fails_is_no_garbage(self, owner: Any) -> None:
        class Error(Exception):
            pass

        async def start() -> Any:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(Error())
            return future

        owner.run_awaitable(asyncio.sleep(0))
        gc.collect()
        gc.disable()
        try:
            future = call(owner)(start)
            gone = weakref.ref(future)
            with contextlib.suppress(Error):
                owner.run_awaitable(future)
            del future
            assert gone() is None
        finally:
            gc.enable()

    def test_that_cannot_be_awaited_is_refused(self, owner: Any) -> None:
        with pytest.raises(TypeError, match=r"got .*where.*: pass it to run or run_sync"):
            owner.run_awaitable(where)
        with pytest.raises(TypeError, match=r"got a concurrent\.futures\.Future"):
            owner.run_awaitable(Future())
        with pytest.raises(TypeError, match="got int: pass a coroutine object"):
            owner.run_awaitable(22)

    def test_of_another_loop_is_refused(self, owner: Any) -> None:
        with Runner() as other:
            future = other.run_function(other.loop.create_future)
            with pytest.raises(RuntimeError, match="which is not the loop of this call"):
                owner.run_awaitable(future)
            assert not future.cancelled()

    def test_is_cancelled_by_a_time_limit(self, owner: Any) -> None:
        sleeper = Sleeper()
        owner.run_awaitable(asyncio.sleep(0))
        with pytest.raises(TimeoutError, match="Sleeper"), sideloop.timeout(scaled(0.3)):
            owner.run_awaitable(sleeper())
        assert sleeper.cleaned_up

    def test_is_closed_unheard_when_its_time_is_over(self, owner: Any) -> None:
        with sideloop.timeout(0), pytest.raises(TimeoutError, match="was not started"):
            owner.run_awaitable(where())
        assert_nothing_was_never_awaited()

    def test_is_closed_unheard_by_a_closed_runner(self, make_runner: MakeRunner) -> None:
        runner = make_runner()
        runner.close()
        with pytest.raises(RunnerClosedError, match="where"):
            runner.run_awaitable(where())
        assert_nothing_was_never_awaited()

    def test_is_refused_on_the_loops_own_thread(self, make_runner: MakeRunner) -> None:
        runner = make_runner()

        async def call_itself() -> None:
            with pytest.raises((DeadlockError, RuntimeError)):
                runner.run_awaitable(where())

        runner.run(call_itself)
        assert_nothing_was_never_awaited()

    def test_is_nested_by_a_manager(self) -> None:
        with LoopManager() as manager:

            async def outer() -> object:
                inner = manager.run_awaitable(where())[0]
                return inner is not asyncio.get_running_loop()

            assert manager.run_sync(outer)

    def test_that_somebody_awaits_already_goes_on(self, owner: Any) -> None:
        async def slowly() -> str:
            await asyncio.sleep(0.05)
            return "slept"

        async def start() -> Any:
            coroutine = slowly()
            task = asyncio.create_task(coroutine)
            await asyncio.sleep(0)
            return coroutine, task

        coroutine, task = call(owner)(start)
        with pytest.raises(RuntimeError, match="awaited"):
            owner.run_awaitable(coroutine)
        with sideloop.timeout(0), pytest.raises(TimeoutError):
            owner.run_awaitable(coroutine)
        assert owner.run_awaitable(task) == "slept"

    def test_gives_way_to_a_close(self) -> None:
        runner = Runner()
        sleeper = Sleeper()
        with ThreadPoolExecutor(1) as other:
            future = other.submit(runner.run_awaitable, sleeper())
            assert sleeper.started.wait(scaled(20))
            runner.close()
            with pytest.raises(RunnerClosedError):
                future.result(scaled(20))
        assert sleeper.cleaned_up


def assert_nothing_was_never_awaited() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()


class TestWhatIsHanded:
    def test_is_given_away_once(self) -> None:
        async def answer() -> int:
            return 22

        handed = Handed(answer())
        coroutine: Any = handed()
        with pytest.raises(RuntimeError, match=r"<coroutine object .*answer.* is awaited already"):
            handed()
        handed.close()  # it is the loop's now
        with pytest.raises(StopIteration, match="22"):
            coroutine.send(None)

    def test_is_closed_if_nobody_has_taken_it(self) -> None:
        async def answer() -> None: ...

        coroutine = answer()
        Handed(coroutine).close()
        assert coroutine.cr_frame is None

    def test_is_named_by_what_it_is_for(self) -> None:
        async def answer() -> None: ...

        handed = Handed(asyncio.sleep(0), answer)
        assert handed.func is answer
        assert repr(handed) == repr(answer)
        handed.close()

    def test_is_found_by_the_collector(self) -> None:
        class Awaited:
            def __await__(self) -> Iterator[None]:
                yield

        awaited: Any = Awaited()
        awaited.handed = Handed(awaited)
        gone = weakref.ref(awaited)
        del awaited
        gc.collect()
        assert gone() is None


class TestAFunction:
    def test_runs_in_a_task_on_the_loop_thread(self, owner: Any) -> None:
        def look(a: int, *, sync_fn: int) -> Any:
            task = asyncio.current_task()
            assert task is not None
            return a + sync_fn, asyncio.get_running_loop(), threading.current_thread()

        assert owner.run_function(look, 10, sync_fn=12) == (22, owner.loop, owner.thread)

    def test_sees_the_context_of_its_caller(self, owner: Any) -> None:
        def look() -> str:
            seen = variable.get()
            variable.set("the function's")
            return seen

        def test() -> None:
            variable.set("the caller's")
            assert owner.run_function(look) == "the caller's"
            assert variable.get() == "the caller's"

        contextvars.copy_context().run(test)

    @pytest.mark.parametrize("error", [KeyError("a"), StopIteration("b"), SystemExit(3)])
    def test_raises_what_it_raises(self, owner: Any, error: BaseException) -> None:
        def fail() -> None:
            raise error

        with pytest.raises(type(error)) as raised:
            owner.run_function(fail)
        assert raised.value is error
        assert owner.run_function(int, "3") == 3

    def test_that_is_async_is_refused(self, owner: Any) -> None:
        with pytest.raises(TypeError, match=r"where.* is async: pass it to run or run_sync"):
            owner.run_function(where)
        with pytest.raises(TypeError, match="got int: pass the function and then its arguments"):
            owner.run_function(22)

    def test_is_called_directly_on_the_loop_thread(self, make_runner: MakeRunner) -> None:
        runner = make_runner()

        async def call_itself() -> Any:
            variable.set("the coroutine's")

            def look() -> Any:
                seen = variable.get()
                variable.set("the function's")
                return seen, threading.current_thread()

            seen = runner.run_function(look)
            assert variable.get() == "the coroutine's"
            return seen

        assert runner.run(call_itself) == ("the coroutine's", runner.thread)

    def test_that_blocks_is_left_behind_when_its_time_is_over(self) -> None:
        free = threading.Event()
        with Runner(grace=0.05) as runner:
            before = runner.loop
            with pytest.raises(TimeoutError, match="wait"), sideloop.timeout(0.05):
                runner.run_function(free.wait, 60)
            assert runner.run_function(threading.current_thread) is runner.thread
            assert runner.loop is not before
        free.set()

    def test_is_refused_by_a_closed_runner(self, make_runner: MakeRunner) -> None:
        runner = make_runner()
        runner.close()
        with pytest.raises(RunnerClosedError, match="print"):
            runner.run_function(print)


@pytest.mark.parametrize("kind", ["native", "foreign", "driven"])
class TestAProcess:
    def test_that_is_a_forks_child_has_loops_of_its_own(self, kind: str) -> None:
        ended = run("bridge", "fork", kind)
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.lines == ["used", "used"]

    def test_that_exits_gives_a_result_or_an_error(self, kind: str) -> None:
        ended = run("bridge", "late", kind)
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.lines == ["used", "closed"]
