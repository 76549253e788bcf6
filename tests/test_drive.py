"""The drive: a loop that the caller turns while it waits, kept between calls, without a thread."""

import asyncio
import contextlib
import contextvars
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

import sideloop
from sideloop import LoopManager, LoopStoppedError, Runner

OURS = str(Path(sideloop.__file__).parent)

Run = Callable[..., Any]
"""`LoopManager.run_sync` or `Runner.run`."""


@pytest.fixture
def manager() -> Generator[LoopManager]:
    manager = LoopManager(drive="caller", grace=0.1)
    yield manager
    manager.close()


@pytest.fixture
def runner() -> Generator[Runner]:
    with Runner(name="driven", drive="caller", grace=0.1) as runner:
        yield runner


@pytest.fixture(params=["manager", "runner"])
def run(request: pytest.FixtureRequest) -> Run:
    found = request.getfixturevalue(request.param)
    return found.run_sync if isinstance(found, LoopManager) else found.run


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def forever() -> None:
    await asyncio.Event().wait()


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


class TestACall:
    def test_makes_no_thread(self, run: Run) -> None:
        before = native_threads()

        async def look() -> tuple[int, set[str]]:
            await asyncio.sleep(0.001)
            return threading.get_ident(), native_threads()

        thread, during = run(look)
        assert thread == threading.get_ident()
        # Others, of tests before, may just be ending.
        assert during <= before
        assert native_threads() <= before

    def test_finds_the_same_loop_each_time(self, run: Run) -> None:
        loop = run(running_loop)
        assert isinstance(loop, sideloop.EventLoop)
        assert all(run(running_loop) is loop for _ in range(10))

    def test_returns_what_the_function_returns(self, run: Run) -> None:
        async def add(a: int, /, *rest: int, b: int) -> int:
            await asyncio.sleep(0.0001)
            return a + sum(rest) + b

        assert [run(add, number, 1, 2, b=3) for number in range(20)] == list(range(6, 26))

    def test_gets_a_copy_of_the_callers_context(self, run: Run) -> None:
        variable = contextvars.ContextVar("variable", default="unset")

        async def look() -> str:
            found = variable.get()
            variable.set("inside")
            await asyncio.sleep(0)
            return found

        variable.set("outside")
        assert run(look) == "outside"
        assert variable.get() == "outside"
        assert run(look) == "outside"

    def test_sees_a_task_and_a_loop_that_are_gone_afterwards(self, run: Run) -> None:
        async def look() -> bool:
            task = asyncio.current_task()
            return task is not None and task in asyncio.all_tasks()

        assert run(look)
        assert asyncio._get_running_loop() is None
        assert not run(running_loop).is_running()
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    def test_can_wait_for_other_threads_and_for_io(self, run: Run) -> None:
        async def talk() -> bytes:
            server = await asyncio.start_server(
                lambda _, writer: (writer.write(b"hello\n"), writer.close()), "127.0.0.1", 0
            )
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
                server.close()
                await server.wait_closed()

        async def blocking() -> int:
            return await asyncio.to_thread(lambda: 42)

        assert run(talk) == b"hello\n"
        assert run(blocking) == 42

    def test_restores_the_hooks_of_asynchronous_generators(self, run: Run) -> None:
        def first(_: AsyncGenerator[Any, Any]) -> None:
            raise AssertionError("nobody else iterates here")

        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(first, first)
        try:

            async def iterate() -> int:
                async def numbers() -> AsyncGenerator[int, None]:
                    yield 1

                return sum([number async for number in numbers()])

            assert run(iterate) == 1
            assert sys.get_asyncgen_hooks() == (first, first)
        finally:
            sys.set_asyncgen_hooks(*before)

    def test_leaves_no_garbage(self, run: Run) -> None:
        async def fail() -> None:
            raise LookupError

        def call() -> None:
            assert run(answer) == 42
            with contextlib.suppress(LookupError):
                run(fail)

        for _ in range(50):
            call()
        gc.collect()
        gc.disable()
        try:
            before = len(gc.get_objects())
            for _ in range(2000):
                call()
            assert len(gc.get_objects()) - before < 20
            assert gc.collect() < 20
        finally:
            gc.enable()


class TestWhatACallLeavesOnTheLoop:
    def test_goes_on_in_the_next_call_and_not_in_between(self, run: Run) -> None:
        steps: list[int] = []

        async def count() -> None:
            while True:
                steps.append(len(steps))
                await asyncio.sleep(0)

        async def start() -> None:
            tasks.append(asyncio.get_running_loop().create_task(count()))
            await asyncio.sleep(0)

        tasks: list[asyncio.Task[None]] = []
        run(start)
        for _ in range(3):
            before = len(steps)
            time.sleep(0.005)
            assert len(steps) == before
            run(answer)
            assert len(steps) > before

    def test_is_not_starved_by_calls_that_never_wait(self, run: Run) -> None:
        due: list[str] = []

        async def start() -> None:
            loop = asyncio.get_running_loop()
            loop.call_later(0.001, due.append, "timer")
            near, far = os.pipe()
            loop.add_reader(near, read, near, far)
            os.write(far, b"x")

        def read(near: int, far: int) -> None:
            run_loop.remove_reader(near)
            os.close(near)
            os.close(far)
            due.append("file")

        async def nothing() -> None:
            pass

        run_loop = run(running_loop)
        run(start)
        end = time.monotonic() + 2
        while len(due) < 2 and time.monotonic() < end:
            run(nothing)
        assert sorted(due) == ["file", "timer"]

    def test_hears_other_threads_at_the_next_call(self, run: Run) -> None:
        heard: list[int] = []
        loop = run(running_loop)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(heard.append, 1))
        thread.start()
        thread.join()
        assert heard == []
        run(answer)
        assert heard == [1]

    def test_fails_through_the_exception_handler(self) -> None:
        seen: list[dict[str, Any]] = []
        manager = LoopManager(drive="caller", exception_handler=lambda _, about: seen.append(about))

        async def start() -> None:
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)

        manager.run_sync(start)
        manager.run_sync(answer)
        assert [type(about["exception"]) for about in seen] == [ZeroDivisionError]
        manager.close()


class TestAnException:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: ValueError("why"),
            lambda: TimeoutError("the user's own"),
            lambda: asyncio.CancelledError("own"),
            lambda: StopAsyncIteration("value"),
            lambda: SystemExit(3),
            lambda: KeyboardInterrupt("in the coroutine"),
            lambda: GeneratorExit("out"),
            lambda: BaseException("base"),
        ],
        ids=lambda make: type(make()).__name__,
    )
    @pytest.mark.parametrize("awaits", [False, True], ids=["at once", "after an await"])
    def test_is_the_same_object_with_its_own_traceback(
        self, run: Run, make: Callable[[], BaseException], awaits: bool
    ) -> None:
        loop, error = run(running_loop), make()

        async def fail() -> None:
            if awaits:
                await asyncio.sleep(0)
            raise error

        assert caught(lambda: run(fail)) is error
        files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert sum(file.startswith(OURS) for file in files) <= 1, files
        assert [file for file in files if not file.startswith((OURS, __file__))] == []
        assert run(running_loop) is loop

    def test_of_a_function_that_is_not_async_says_what_to_write(self, run: Run) -> None:
        with pytest.raises(TypeError, match="expected an async function"):
            run(answer())
        with pytest.raises(TypeError, match="cannot be awaited"):
            run(len, "abc")


class TestALoopThatTheUserStops:
    def test_is_a_clear_error_and_the_next_call_gets_a_new_loop(self, run: Run) -> None:
        cleaned: list[str] = []

        async def background() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0)
                cleaned.append("background")

        async def stop() -> None:
            loop = asyncio.get_running_loop()
            tasks.append(loop.create_task(background()))
            await asyncio.sleep(0)
            loop.stop()
            try:
                await forever()
            finally:
                cleaned.append("call")

        tasks: list[asyncio.Task[None]] = []
        loop = run(running_loop)
        before = open_files()
        with pytest.raises(LoopStoppedError, match=r"ended .*stop\(\) was running"):
            run(stop)
        assert sorted(cleaned) == ["background", "call"]
        assert loop.is_closed()
        assert run(running_loop) is not loop
        assert run(answer) == 42
        assert open_files() == before

    def test_at_the_end_of_a_call_lets_the_call_end(self, run: Run) -> None:
        async def stop() -> str:
            asyncio.get_running_loop().stop()
            return "returned"

        loop = run(running_loop)
        assert run(stop) == "returned"
        assert run(answer) == 42
        assert run(running_loop) is not loop

    def test_by_a_nested_call_ends_that_call_alone(self, manager: LoopManager) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await forever()

        async def outer() -> bool:
            loop = asyncio.get_running_loop()
            with pytest.raises(LoopStoppedError):
                manager.run_sync(stop)
            await asyncio.sleep(0)
            return asyncio.get_running_loop() is loop

        assert manager.run_sync(outer)

    def test_or_closes_between_calls_is_replaced(self, run: Run) -> None:
        run(running_loop).close()
        assert run(answer) == 42


class TestATimeLimit:
    def test_lets_the_task_unwind_first(self, run: Run) -> None:
        log: list[str] = []

        async def wait() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.001)
                log.append("unwound")

        match = r"wait\(\) did not end within 0.02 s"
        with sideloop.timeout(0.02), pytest.raises(TimeoutError, match=match) as raised:
            run(wait)
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)
        assert log == ["unwound"]
        assert run(answer) == 42

    def test_does_not_wait_for_the_timers_of_the_loop(self, run: Run) -> None:
        with sideloop.timeout(0.02), pytest.raises(TimeoutError):
            run(asyncio.sleep, 3600)
        assert run(answer) == 42

    def test_of_zero_gives_the_call_up(self, run: Run) -> None:
        with sideloop.timeout(0), pytest.raises(TimeoutError):
            run(forever)
        assert run(answer) == 42

    def test_names_a_task_that_ignores_its_cancellation_and_the_next_call_works(
        self, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def stubborn() -> None:
            while not enough:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)

        enough: list[int] = []
        with sideloop.timeout(0.02), pytest.raises(TimeoutError):
            run(stubborn)
        (warned,) = (record for record in caplog.records if record.name == "sideloop")
        assert "stubborn() ignores its cancellation" in warned.getMessage()
        assert run(answer) == 42
        enough.append(1)
        run(asyncio.sleep, 0.02)

    def test_is_inherited_by_nested_calls(self, manager: LoopManager) -> None:
        async def outer() -> str:
            try:
                manager.run_sync(forever)
            except TimeoutError:
                return "nested call timed out"
            return ""

        with sideloop.timeout(0.02):
            assert manager.run_sync(outer) == "nested call timed out"
        assert manager.run_sync(answer) == 42
