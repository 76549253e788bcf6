"""What the coroutine raises or does: it comes to the caller, and nobody else is harmed."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import sys
import threading
import traceback
import types
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aliases import LoopFactory, WaitUntil
from interpreters import let_go
from pace import scaled

import sideloop
from sideloop import LoopManager, LoopStoppedError, Runner

OURS = str(Path(sideloop.__file__).parent)


class CustomError(Exception):
    pass


class CustomBaseError(BaseException):
    pass


class SlottedError(Exception):
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


Make = Callable[[], BaseException]

ORDINARY: list[Make] = [
    lambda: ValueError("why"),
    lambda: KeyError("key"),
    lambda: OSError(2, "no such file"),
    lambda: CustomError("a", 1),
    lambda: SlottedError(7),
    lambda: FrozenError(7),
    lambda: TimeoutError("the user's own"),
    lambda: StopAsyncIteration("value"),
    lambda: asyncio.CancelledError("own"),
    lambda: RecursionError("deep"),
    lambda: MemoryError(),
]
EXITS: list[Make] = [
    lambda: SystemExit(3),
    lambda: KeyboardInterrupt("in the coroutine"),
    lambda: GeneratorExit("out"),
    lambda: CustomBaseError("base"),
]
if sys.version_info >= (3, 11):
    import builtins  # ruff checks for 3.10, where they are not

    ORDINARY.append(lambda: builtins.ExceptionGroup("several", [ValueError(1), TypeError(2)]))
    EXITS.append(lambda: builtins.BaseExceptionGroup("several", [KeyboardInterrupt()]))


def name_of(make: Make) -> str:
    return type(make()).__name__


every_exception = pytest.mark.parametrize("make", ORDINARY + EXITS, ids=name_of)
every_exit = pytest.mark.parametrize("make", EXITS, ids=name_of)


def frames_of(error: BaseException) -> list[str]:
    return [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]


def assert_own_traceback(error: BaseException) -> None:
    """Frames of the user, and at most one of ours: none of asyncio, none twice."""
    files = frames_of(error)
    ours = [file for file in files if file.startswith(OURS)]
    others = [file for file in files if file not in ours and file != __file__]
    assert len(ours) <= 1, files
    assert others == []


def caught(sync_fn: Callable[[], object]) -> BaseException:
    try:
        sync_fn()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def skip_where_asyncio_makes_the_cycle(loop_factory: LoopFactory | None, make: Make) -> None:
    """From 3.12 on, an exit that leaves asyncio's own loop keeps a frame that holds its handle."""
    leaves_the_loop = isinstance(make(), SystemExit | KeyboardInterrupt)
    if loop_factory is not None and leaves_the_loop and sys.version_info >= (3, 12):
        pytest.skip("asyncio's _run_once keeps the handle in a frame of the traceback")


async def forever() -> None:
    await asyncio.Event().wait()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


@pytest.fixture
def no_warnings() -> Generator[None]:
    """Nothing is reported, neither at once nor when the garbage is collected."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


class InFlight:
    """A call that waits on a runner, from another thread, until it is let go."""

    def __init__(self, runner: Runner, threads: ThreadPoolExecutor) -> None:
        self._entered = threading.Event()
        self._gate: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.cleaned_up = False
        self.outcome = threads.submit(runner.run, self._wait)
        assert self._entered.wait(scaled(20))

    async def _wait(self) -> str:
        self._loop = asyncio.get_running_loop()
        self._gate = asyncio.Event()
        self._entered.set()
        try:
            await self._gate.wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True
        return "undisturbed"

    def let_go(self) -> str:
        assert self._loop is not None
        assert self._gate is not None
        self._loop.call_soon_threadsafe(self._gate.set)
        return self.outcome.result(scaled(20))


class TestAnException:
    @every_exception
    def test_comes_as_the_same_object(self, manager: LoopManager, make: Make) -> None:
        error = make()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise error

        assert caught(lambda: manager.run_sync(fail)) is error

    @every_exception
    def test_that_is_raised_before_the_first_await_is_the_same_object(
        self, manager: LoopManager, make: Make
    ) -> None:
        error = make()

        async def fail() -> None:
            raise error

        assert caught(lambda: manager.run_sync(fail)) is error

    @every_exception
    def test_that_a_function_raises_before_it_returns_is_the_same_object(
        self, manager: LoopManager, make: Make
    ) -> None:
        error = make()

        def fail() -> Awaitable[None]:
            raise error

        assert caught(lambda: manager.run_sync(fail)) is error
        assert_own_traceback(error)

    @every_exception
    def test_has_its_own_traceback_with_at_most_one_frame_of_ours(
        self, manager: LoopManager, make: Make
    ) -> None:
        async def inner() -> None:
            await asyncio.sleep(0)
            raise make()

        async def fail() -> None:
            await inner()

        error = caught(lambda: manager.run_sync(fail))
        assert_own_traceback(error)
        names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert names[-2:] == ["fail", "inner"]

    @every_exception
    def test_has_at_most_one_frame_of_ours_through_a_sync_twin_and_a_runner(
        self, manager: LoopManager, runner: Runner, make: Make
    ) -> None:
        async def fail() -> None:
            raise make()

        assert_own_traceback(caught(manager.synced(fail)))
        assert_own_traceback(caught(lambda: runner.run(fail)))

    @every_exception
    def test_leaves_no_garbage(
        self, manager: LoopManager, loop_factory: LoopFactory | None, make: Make
    ) -> None:
        skip_where_asyncio_makes_the_cycle(loop_factory, make)

        async def fail() -> None:
            await asyncio.sleep(0)
            raise make()

        def call() -> None:
            with contextlib.suppress(BaseException):
                manager.run_sync(fail)

        for _ in range(5):
            call()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                call()
            let_go()
            # What one call in flight may hold, not what fifty have left.
            assert gc.collect() < 25
        finally:
            gc.enable()

    @every_exception
    def test_dies_with_its_last_reference(
        self,
        manager: LoopManager,
        loop_factory: LoopFactory | None,
        make: Make,
        wait_until: WaitUntil,
    ) -> None:
        skip_where_asyncio_makes_the_cycle(loop_factory, make)

        class Witness:
            pass

        witnesses: list[weakref.ref[Witness]] = []

        async def fail() -> None:
            witness = Witness()
            witnesses.append(weakref.ref(witness))
            raise make()

        def call() -> None:
            with contextlib.suppress(BaseException):
                manager.run_sync(fail)

        gc.disable()
        try:
            call()
            # The frame that its traceback holds goes with it, without the collector.
            wait_until(lambda: let_go() or witnesses[0]() is None)
        finally:
            gc.enable()

    def test_keeps_its_cause_context_and_attributes(self, manager: LoopManager) -> None:
        cause = KeyError("cause")

        async def fail() -> None:
            try:
                raise TypeError("context")
            except TypeError:
                error = ValueError("why")
                error.detail = "kept"  # type: ignore[attr-defined]
                raise error from cause

        error = caught(lambda: manager.run_sync(fail))
        assert error.__cause__ is cause
        assert isinstance(error.__context__, TypeError)
        assert error.detail == "kept"  # type: ignore[attr-defined]

    @every_exception
    def test_raised_twice_comes_twice(self, manager: LoopManager, make: Make) -> None:
        error = make()

        async def fail() -> None:
            raise error

        assert caught(lambda: manager.run_sync(fail)) is error
        assert caught(lambda: manager.run_sync(fail)) is error

    def test_raised_by_two_calls_at_once_comes_to_both(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        error = ValueError("shared")
        meeting: list[asyncio.Event] = []

        async def fail() -> None:
            if meeting:
                meeting[0].set()
            else:
                meeting.append(asyncio.Event())
                await meeting[0].wait()
            raise error

        calls = [threads.submit(runner.run, fail) for _ in range(2)]
        assert [call.exception(scaled(20)) for call in calls] == [error, error]

    @every_exception
    def test_leaves_the_loop_as_it_was(self, manager: LoopManager, make: Make) -> None:
        async def fail() -> None:
            raise make()

        before = manager.run_sync(running_loop)
        for _ in range(3):
            caught(lambda: manager.run_sync(fail))
        assert manager.run_sync(running_loop) is before

    @every_exception
    def test_crosses_nested_calls_as_the_same_object(
        self, manager: LoopManager, make: Make
    ) -> None:
        error = make()

        async def fail() -> None:
            raise error

        async def outer() -> None:
            manager.run_sync(fail)

        assert caught(lambda: manager.run_sync(outer)) is error

    def test_in_a_future_is_the_same_object(self, manager: LoopManager) -> None:
        error = ValueError("why")

        def fail() -> Awaitable[None]:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(error)
            return future

        assert caught(lambda: manager.run_sync(fail)) is error


class TestAnExceptionThatExits:
    @every_exit
    def test_harms_no_other_call_on_the_same_loop(
        self, runner: Runner, threads: ThreadPoolExecutor, make: Make
    ) -> None:
        others = [InFlight(runner, threads) for _ in range(3)]
        error = make()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise error

        for _ in range(3):
            assert caught(lambda: runner.run(fail)) is error
        assert [other.let_go() for other in others] == ["undisturbed"] * 3

    @every_exit
    def test_harms_no_other_call_when_many_raise_it_at_once(
        self, runner: Runner, threads: ThreadPoolExecutor, make: Make
    ) -> None:
        other = InFlight(runner, threads)
        errors = [make() for _ in range(8)]

        async def fail(error: BaseException) -> None:
            await asyncio.sleep(0.01)
            raise error

        def call(error: BaseException) -> BaseException:
            return caught(lambda: runner.run(fail, error))

        found = list(threads.map(call, errors))
        assert all(one is other for one, other in zip(found, errors, strict=True))
        assert other.let_go() == "undisturbed"

    @every_exit
    def test_harms_no_timer_and_no_background_task(self, runner: Runner, make: Make) -> None:
        fired = threading.Event()

        async def background() -> None:
            await asyncio.sleep(0.05)
            fired.set()

        async def fail() -> None:
            task = asyncio.get_running_loop().create_task(background())
            kept.append(task)
            raise make()

        kept: list[asyncio.Task[None]] = []
        caught(lambda: runner.run(fail))
        assert fired.wait(scaled(20))


class TestCancelledError:
    def test_is_asyncios_own(self, manager: LoopManager) -> None:
        async def fail() -> None:
            raise asyncio.CancelledError

        error = caught(lambda: manager.run_sync(fail))
        assert type(error) is asyncio.CancelledError

    def test_comes_when_the_task_is_cancelled_from_inside(self, manager: LoopManager) -> None:
        async def cancel_myself() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel("message")
            await asyncio.sleep(0)

        error = caught(lambda: manager.run_sync(cancel_myself))
        assert type(error) is asyncio.CancelledError

    def test_comes_from_a_cancelled_future(self, manager: LoopManager) -> None:
        def cancelled() -> Awaitable[None]:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            return future

        assert type(caught(lambda: manager.run_sync(cancelled))) is asyncio.CancelledError


class TestStopIteration:
    def test_in_a_coroutine_is_the_cause_of_a_runtime_error(self, manager: LoopManager) -> None:
        error = StopIteration("value")

        async def fail() -> None:
            raise error

        found = caught(lambda: manager.run_sync(fail))
        assert type(found) is RuntimeError
        assert found.__cause__ is error

    def test_in_a_plain_function_is_the_cause_of_a_runtime_error(
        self, manager: LoopManager
    ) -> None:
        error = StopIteration("value")

        def fail() -> Awaitable[None]:
            raise error

        found = caught(lambda: manager.run_sync(fail))
        assert type(found) is RuntimeError
        assert found.__cause__ is error

    def test_does_not_end_the_callers_generator_silently(self, manager: LoopManager) -> None:
        def fail() -> Awaitable[int]:
            raise StopIteration

        def numbers() -> Generator[int]:
            yield 1
            yield manager.run_sync(fail)

        with pytest.raises(RuntimeError):
            list(numbers())


class TestLoopStop:
    """The user's code ends the loop under the callers."""

    async def _stop(self) -> None:
        asyncio.get_running_loop().stop()
        await forever()

    async def _exit_in_a_callback(self) -> None:
        asyncio.get_running_loop().call_soon(sys.exit, 5)
        await forever()

    async def _exit_in_a_child_task(self) -> None:
        async def child() -> None:
            sys.exit(5)

        kept = asyncio.get_running_loop().create_task(child())
        await forever()
        del kept

    async def _interrupt_in_a_child_task(self) -> None:
        async def child() -> None:
            raise KeyboardInterrupt

        await asyncio.gather(child())

    ENDINGS = (
        "_stop",
        "_exit_in_a_callback",
        "_exit_in_a_child_task",
        "_interrupt_in_a_child_task",
    )

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_is_a_clear_error_for_every_caller_that_waits(
        self, runner: Runner, threads: ThreadPoolExecutor, ending: str
    ) -> None:
        others = [InFlight(runner, threads) for _ in range(4)]
        with pytest.raises(LoopStoppedError, match=ending) as raised:
            runner.run(getattr(self, ending))
        assert "'tested'" in str(raised.value)
        for other in others:
            error = other.outcome.exception(scaled(20))
            assert isinstance(error, LoopStoppedError)
            assert "_wait()" in str(error)

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_lets_the_cleanup_of_the_others_run(
        self, runner: Runner, threads: ThreadPoolExecutor, ending: str
    ) -> None:
        others = [InFlight(runner, threads) for _ in range(4)]
        caught(lambda: runner.run(getattr(self, ending)))
        for other in others:
            other.outcome.exception(scaled(20))
        assert [other.cleaned_up for other in others] == [True] * 4

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_gives_the_next_call_a_new_loop(self, runner: Runner, ending: str) -> None:
        before = runner.run(running_loop)
        caught(lambda: runner.run(getattr(self, ending)))
        after = runner.run(running_loop)
        assert after is not before
        assert runner.run(answer) == 42

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_gives_the_next_call_through_a_manager_a_new_loop(
        self, manager: LoopManager, ending: str
    ) -> None:
        for _ in range(3):
            with pytest.raises(LoopStoppedError):
                manager.run_sync(getattr(self, ending))
            assert manager.run_sync(answer) == 42

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.usefixtures("no_thread_left")
    def test_leaves_no_thread_and_no_open_loop_behind(
        self, ending: str, wait_until: WaitUntil
    ) -> None:
        with Runner() as runner:
            loop = runner.run(running_loop)
            caught(lambda: runner.run(getattr(self, ending)))
            runner.run(answer)
        wait_until(loop.is_closed)  # its thread ends by itself, the runner has another one

    def test_chains_the_exit_that_ended_the_loop(self, runner: Runner) -> None:
        error = caught(lambda: runner.run(self._exit_in_a_callback))
        assert isinstance(error, LoopStoppedError)
        assert isinstance(error.__cause__, SystemExit)
        assert error.__cause__.code == 5
        assert "SystemExit" in str(error)

    def test_by_loop_stop_is_named_as_such(self, runner: Runner) -> None:
        error = caught(lambda: runner.run(self._stop))
        assert "loop.stop()" in str(error)
        assert error.__cause__ is None

    def test_just_before_the_end_still_answers(self, runner: Runner) -> None:
        async def stop_and_return() -> str:
            asyncio.get_running_loop().stop()
            return "returned"

        # Which of the two it is nobody promises: that there is an answer, we do.
        with contextlib.suppress(LoopStoppedError):
            assert runner.run(stop_and_return) == "returned"
        assert runner.run(answer) == 42

    def test_from_another_thread_is_a_clear_error_too(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        other = InFlight(runner, threads)
        loop = runner.run(running_loop)
        loop.call_soon_threadsafe(loop.stop)
        assert isinstance(other.outcome.exception(scaled(20)), LoopStoppedError)
        assert runner.run(answer) == 42

    def test_while_many_call_leaves_nobody_waiting(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        async def stop_sometimes(number: int) -> int:
            if number % 10 == 0:
                asyncio.get_running_loop().stop()
            await asyncio.sleep(0)
            return number

        def call(number: int) -> bool:
            try:
                return runner.run(stop_sometimes, number) == number
            except LoopStoppedError:
                return True

        assert all(threads.map(call, range(400)))


class TestLoopClose:
    def test_is_refused_by_the_loop_and_harms_nobody(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        other = InFlight(runner, threads)

        async def close() -> None:
            asyncio.get_running_loop().close()

        with pytest.raises(RuntimeError, match="running event loop"):
            runner.run(close)
        assert other.let_go() == "undisturbed"
        assert runner.run(answer) == 42

    def test_after_a_stop_is_a_clear_error_for_every_caller_that_waits(
        self, runner: Runner, threads: ThreadPoolExecutor
    ) -> None:
        other = InFlight(runner, threads)

        async def stop_and_close() -> None:
            loop = asyncio.get_running_loop()
            loop.stop()
            try:
                await forever()
            finally:
                loop.close()

        error = caught(lambda: runner.run(stop_and_close))
        assert isinstance(error, RuntimeError)
        assert isinstance(other.outcome.exception(scaled(20)), LoopStoppedError)
        assert runner.run(answer) == 42


class TestACoroutineThatBlocksItsLoop:
    def test_does_not_slow_callers_on_other_threads(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        blocking, release = threading.Event(), threading.Event()

        async def block() -> bool:
            blocking.set()
            return release.wait(scaled(20))

        blocked = threads.submit(manager.run_sync, block)
        assert blocking.wait(scaled(20))
        # They end while the loop is blocked: nothing else would release it.
        others = [threads.submit(manager.run_sync, answer) for _ in range(100)]
        assert [other.result(scaled(20)) for other in others] == [42] * 100
        assert not blocked.done()
        release.set()
        assert blocked.result(scaled(20)) is True


class TestWhatCanBeAwaited:
    def test_a_future_of_the_loop(self, manager: LoopManager) -> None:
        def later(value: int) -> Awaitable[int]:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[int] = loop.create_future()
            loop.call_later(0.001, future.set_result, value)
            return future

        assert manager.run_sync(later, 7) == 7

    def test_a_future_that_is_done(self, manager: LoopManager) -> None:
        def done() -> Awaitable[int]:
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            future.set_result(7)
            return future

        assert manager.run_sync(done) == 7

    def test_a_task(self, manager: LoopManager) -> None:
        def start() -> Awaitable[int]:
            return asyncio.get_running_loop().create_task(answer())

        assert manager.run_sync(start) == 42

    def test_a_task_that_an_earlier_call_started(self, manager: LoopManager) -> None:
        async def start() -> asyncio.Task[int]:
            return asyncio.get_running_loop().create_task(answer())

        task = manager.run_sync(start)
        assert manager.run_sync(lambda: task) == 42
        assert manager.run_sync(lambda: task) == 42

    def test_gather(self, manager: LoopManager) -> None:
        assert manager.run_sync(lambda: asyncio.gather(answer(), answer())) == [42, 42]
        assert manager.run_sync(asyncio.gather) == []

    def test_wait_for_and_shield(self, manager: LoopManager) -> None:
        assert manager.run_sync(lambda: asyncio.wait_for(answer(), 20)) == 42
        assert manager.run_sync(lambda: asyncio.shield(answer())) == 42

    def test_a_custom_awaitable(self, manager: LoopManager) -> None:
        class Custom:
            def __await__(self) -> Generator[Any, None, int]:
                yield from asyncio.sleep(0).__await__()
                return 7

        assert manager.run_sync(Custom) == 7

    def test_a_custom_awaitable_that_fails(self, manager: LoopManager) -> None:
        error = CustomError()

        class Custom:
            def __await__(self) -> Generator[Any, None, int]:
                yield from asyncio.sleep(0).__await__()
                raise error

        assert caught(lambda: manager.run_sync(Custom)) is error

    def test_a_coroutine_made_of_a_generator(self, manager: LoopManager) -> None:
        @types.coroutine
        def old_style() -> Generator[Any, None, int]:
            yield
            return 7

        assert manager.run_sync(old_style) == 7

    def test_a_partial_a_lambda_a_method_a_builtin_and_a_callable_object(
        self, manager: LoopManager
    ) -> None:
        async def add(a: int, b: int) -> int:
            return a + b

        class Adder:
            async def add(self, a: int, b: int) -> int:
                return a + b

            async def __call__(self, a: int, b: int) -> int:
                return a + b

        run_sync = manager.run_sync
        assert run_sync(functools.partial(add, 1), 2) == 3
        assert run_sync(lambda: add(1, 2)) == 3
        assert run_sync(Adder().add, 1, b=2) == 3
        assert run_sync(Adder(), 1, b=2) == 3
        assert run_sync(asyncio.sleep, 0, result="slept") == "slept"

    def test_a_coroutine_that_another_call_made(self, manager: LoopManager) -> None:
        coro = answer()
        assert manager.run_sync(lambda: coro) == 42
        with pytest.raises(RuntimeError, match="reuse"):
            manager.run_sync(lambda: coro)

    def test_every_value_comes_as_it_is(self, manager: LoopManager) -> None:
        async def give(value: object) -> object:
            return value

        error = ValueError("a value, not raised")
        for value in (None, False, 0, "", (), [], error, ValueError, NotImplemented, give):
            assert manager.run_sync(give, value) is value


class TestWhatCannotBeAwaited:
    @pytest.mark.usefixtures("no_warnings")
    @pytest.mark.parametrize("value", [None, 7, "text", [1], object()], ids=repr)
    def test_a_plain_value_is_a_type_error_that_says_what_to_write(
        self, manager: LoopManager, value: object
    ) -> None:
        def give() -> object:
            return value

        with pytest.raises(TypeError, match="async def") as raised:
            manager.run_sync(give)  # type: ignore[arg-type]
        assert "give" in str(raised.value)
        assert type(value).__name__ in str(raised.value)

    @pytest.mark.usefixtures("no_warnings")
    def test_a_coroutine_object_is_a_type_error_that_says_what_to_write(
        self, manager: LoopManager, runner: Runner
    ) -> None:
        for run in (manager.run_sync, manager.synced, runner.run):
            with pytest.raises(TypeError, match=r"coroutine object") as raised:
                run(answer())  # type: ignore[arg-type]
            assert "answer" in str(raised.value)

    @pytest.mark.usefixtures("no_warnings")
    def test_what_is_not_callable_is_a_type_error(
        self, manager: LoopManager, runner: Runner
    ) -> None:
        for run in (manager.run_sync, manager.synced, runner.run):
            with pytest.raises(TypeError, match="async function"):
                run(7)  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                run()

    @pytest.mark.usefixtures("no_warnings")
    def test_an_async_generator_is_a_type_error_that_says_what_to_write(
        self, manager: LoopManager
    ) -> None:
        async def numbers() -> AsyncGenerator[int]:
            yield 1

        with pytest.raises(TypeError, match=r"sideloop\.iterate") as raised:
            manager.run_sync(numbers)  # type: ignore[arg-type]
        assert "numbers" in str(raised.value)

    def test_an_async_context_manager_is_a_type_error_that_says_what_to_write(
        self, manager: LoopManager
    ) -> None:
        def lock() -> object:
            return asyncio.Lock()

        with pytest.raises(TypeError, match=r"with sideloop\.enter\(.*lock\(\.\.\.\)\)"):
            manager.run_sync(lock)  # type: ignore[arg-type]

    def test_a_concurrent_future_is_a_type_error_that_says_what_to_write(
        self, manager: LoopManager
    ) -> None:
        def give() -> object:
            return concurrent.futures.Future()

        with pytest.raises(TypeError, match="wrap_future"):
            manager.run_sync(give)  # type: ignore[arg-type]

    def test_a_future_of_another_loop_is_a_clear_error(self, manager: LoopManager) -> None:
        other = asyncio.new_event_loop()
        future = other.create_future()
        try:
            with pytest.raises((ValueError, RuntimeError), match="loop"):
                manager.run_sync(lambda: future)
        finally:
            other.close()
        assert manager.run_sync(answer) == 42

    @pytest.mark.usefixtures("no_warnings")
    def test_wrong_arguments_are_the_functions_own_type_error(self, manager: LoopManager) -> None:
        async def add(a: int, b: int) -> int:
            return a + b

        with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
            manager.run_sync(add, 1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="unexpected keyword argument 'c'"):
            manager.run_sync(add, 1, c=2)  # type: ignore[call-arg]

    @pytest.mark.usefixtures("no_warnings")
    def test_what_yields_nonsense_is_asyncios_own_error(self, manager: LoopManager) -> None:
        @types.coroutine
        def nonsense() -> Generator[Any, None, None]:
            yield 7

        with pytest.raises(RuntimeError, match="bad yield"):
            manager.run_sync(nonsense)
        assert manager.run_sync(answer) == 42


class TestWhatNobodyWaitsFor:
    def test_a_task_that_fails_reaches_the_exception_handler(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        reported: list[dict[str, Any]] = []
        error = ValueError("in the background")

        async def fail() -> None:
            raise error

        async def forget() -> None:
            kept = asyncio.get_running_loop().create_task(fail())
            await asyncio.wait([kept])

        with Runner(
            loop_factory=loop_factory,
            exception_handler=lambda _loop, context: reported.append(context),
        ) as runner:
            runner.run(forget)
            wait_until(lambda: gc.collect() or reported)
        assert reported[0]["exception"] is error

    def test_a_task_that_fails_is_logged(
        self, manager: LoopManager, caplog: pytest.LogCaptureFixture, wait_until: WaitUntil
    ) -> None:
        async def fail() -> None:
            raise ValueError("in the background")

        async def forget() -> None:
            kept = asyncio.get_running_loop().create_task(fail())
            await asyncio.wait([kept])

        with caplog.at_level(logging.ERROR, "asyncio"):
            manager.run_sync(forget)
            wait_until(lambda: gc.collect() or "in the background" in caplog.text)

    def test_a_callback_that_fails_is_logged_and_harms_nobody(
        self, runner: Runner, threads: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = InFlight(runner, threads)

        def fail() -> None:
            raise ValueError("in a callback")

        async def plan() -> None:
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0.001)

        with caplog.at_level(logging.ERROR, "asyncio"):
            runner.run(plan)
        assert "in a callback" in caplog.text
        assert other.let_go() == "undisturbed"

    def test_an_error_of_a_call_that_was_left_behind_reaches_the_exception_handler(
        self, loop_factory: LoopFactory | None, wait_until: WaitUntil
    ) -> None:
        reported: list[dict[str, Any]] = []
        error, go_on = ValueError("left behind"), threading.Event()

        async def ignore() -> None:
            while not go_on.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.001)
            raise error

        with Runner(
            grace=scaled(0.1),
            loop_factory=loop_factory,
            exception_handler=lambda _loop, context: reported.append(context),
        ) as runner:
            runner.run(answer)
            with sideloop.timeout(scaled(0.1)), pytest.raises(TimeoutError):
                runner.run(ignore)
            assert reported == []
            go_on.set()
            wait_until(lambda: reported)
        assert reported[0]["exception"] is error
        assert "nobody waits for any more" in reported[0]["message"]

    def test_a_coroutine_that_is_not_awaited_is_warned_of(self, manager: LoopManager) -> None:
        async def forget() -> None:
            answer()
            gc.collect()

        with pytest.warns(RuntimeWarning, match="'answer' was never awaited"):
            manager.run_sync(forget)

    def test_a_background_task_goes_on_after_its_call(self, manager: LoopManager) -> None:
        done = threading.Event()
        kept: list[asyncio.Task[None]] = []

        async def background() -> None:
            await asyncio.sleep(0.01)
            done.set()

        async def start() -> None:
            kept.append(asyncio.get_running_loop().create_task(background()))

        manager.run_sync(start)
        assert done.wait(scaled(20))


class TestTheTask:
    def test_is_asyncios_own_and_named_by_its_coroutine(self, manager: LoopManager) -> None:
        async def look() -> tuple[object, object]:
            task = asyncio.current_task()
            assert task is not None
            return type(task), task.get_coro()

        kind, coro = manager.run_sync(look)
        assert kind is asyncio.Task
        assert inspect.iscoroutine(coro)
        assert coro.__name__ == "look"

    def test_releases_arguments_value_and_context_when_it_is_done(
        self, manager: LoopManager, wait_until: WaitUntil
    ) -> None:
        class Witness:
            pass

        variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")

        async def give(one: object, *, other: object) -> object:
            return Witness()

        def call() -> list[weakref.ref[Witness]]:
            one, other, third = Witness(), Witness(), Witness()
            token = variable.set(third)
            value = manager.run_sync(give, one, other=other)
            variable.reset(token)
            assert isinstance(value, Witness)
            return [weakref.ref(witness) for witness in (one, other, third, value)]

        manager.run_sync(answer)  # making a loop keeps the context it was made in: asyncio's way
        gc.disable()
        try:
            witnesses = call()
            wait_until(lambda: let_go() or [witness() for witness in witnesses] == [None] * 4)
        finally:
            gc.enable()


class TestACallThatEndsTwice:
    """Its task's callback is a Python object, which any code on the loop can find and call."""

    begun = 0

    async def end_early(self) -> str:
        self.begun += 1
        task: Any = asyncio.current_task()
        [(callback, _)] = task._callbacks
        first = asyncio.get_running_loop().create_future()
        first.set_result("first")
        callback(first)
        return "second"

    def test_keeps_its_first_outcome_and_is_not_run_again(self, runner: Runner) -> None:
        assert runner.run(self.end_early) == "first"
        assert runner.run(answer) == 42
        assert self.begun == 1

    def test_does_so_on_a_loop_that_the_caller_drives(self) -> None:
        with Runner(drive="caller") as runner:
            assert runner.run(self.end_early) == "first"
            assert runner.run(answer) == 42
        assert self.begun == 1

    def test_settles_a_future_once(self, runner: Runner) -> None:
        assert runner.submit(self.end_early).result() == "first"
        assert runner.run(answer) == 42
        assert self.begun == 1
