"""Enter: asynchronous context managers, seen from sync code."""

import asyncio
import contextlib
import contextvars
import gc
import inspect
import signal
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
)
from types import TracebackType

import anyio
import pytest
from aliases import WaitUntil
from hosts import Drive
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, RunnerClosedError, SyncContextManager
from sideloop._runners.runner import loop_of

variable = contextvars.ContextVar("variable", default="default")

needs_timeout = pytest.mark.skipif(sys.version_info < (3, 11), reason="no asyncio.timeout")


@pytest.fixture(params=["thread", "caller"])
def either(request: pytest.FixtureRequest) -> Generator[LoopManager]:
    """Whoever runs the loop."""
    manager = LoopManager(drive=request.param)
    yield manager
    manager.close()


class Journal:
    """What an asynchronous context manager has done so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def open(self, name: str) -> AsyncGenerator[str, None]:
        await asyncio.sleep(0)
        self.lines.append(f"enter {name}")
        try:
            yield name.upper()
        except BaseException as error:
            self.lines.append(f"error {type(error).__name__}")
            raise
        finally:
            await asyncio.sleep(0)
            self.lines.append(f"exit {name}")


class Suppressing:
    """A class that suppresses what it is asked to."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind
        self.seen: object = None

    async def __aenter__(self) -> "Suppressing":
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        await asyncio.sleep(0)
        self.seen = error
        assert traceback is None or inspect.istraceback(traceback)
        return kind is not None and issubclass(kind, self.kind)


class RaisingAgain:
    async def __aenter__(self) -> "RaisingAgain":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is not None:
                raise error
        finally:
            del error, traceback  # its own frame holds neither


class TestABlock:
    def test_is_entered_and_left(self, manager: LoopManager) -> None:
        journal = Journal()
        with manager.synced(journal.open)("a") as opened:
            assert opened == "A"
            assert journal.lines == ["enter a"]
        assert journal.lines == ["enter a", "exit a"]

    def test_is_entered_on_a_loop_that_the_caller_drives(self, either: LoopManager) -> None:
        journal = Journal()
        with either.enter(journal.open("a")) as opened:
            assert opened == "A"
        assert journal.lines == ["enter a", "exit a"]

    def test_is_entered_on_a_runner(self, runner: Runner) -> None:
        async def running_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        @asynccontextmanager
        async def loop() -> AsyncIterator[asyncio.AbstractEventLoop]:
            yield asyncio.get_running_loop()

        with runner.enter(loop()) as found:
            assert found is runner.run(running_loop)

    def test_may_call_while_it_is_entered(self, either: LoopManager) -> None:
        journal = Journal()
        with either.enter(journal.open("a")):
            assert either.run_sync(asyncio.sleep, 0, result="slept") == "slept"

    def test_may_be_inside_of_another(self, either: LoopManager) -> None:
        journal = Journal()
        with either.enter(journal.open("a")), either.enter(journal.open("b")):
            pass
        assert journal.lines == ["enter a", "enter b", "exit b", "exit a"]

    def test_may_be_on_an_exit_stack(self, either: LoopManager) -> None:
        journal = Journal()
        with ExitStack() as stack:
            for name in "abc":
                stack.enter_context(either.enter(journal.open(name)))
        assert journal.lines[3:] == ["exit c", "exit b", "exit a"]

    def test_may_be_of_a_class(self, either: LoopManager) -> None:
        with either.synced(Suppressing)(ValueError) as found:
            assert isinstance(found.aio, Suppressing)

    def test_may_be_of_an_exit_stack_of_asynchronous_ones(self, either: LoopManager) -> None:
        journal = Journal()
        with either.synced(AsyncExitStack)() as stack:
            stack.enter_async_context(journal.open("a"))
        assert journal.lines == ["enter a", "exit a"]

    def test_may_be_entered_again_if_what_it_views_may(self, either: LoopManager) -> None:
        journal = Journal()
        twin = either.synced(journal.open)("a")
        for _ in range(2):
            with twin:
                pass
        assert journal.lines == ["enter a", "exit a"] * 2

    def test_is_not_entered_twice_at_once(self, either: LoopManager) -> None:
        twin = either.synced(Journal().open)("a")
        with twin, pytest.raises(RuntimeError, match=r"open\(\)> is entered already"), twin:
            pass

    def test_is_not_left_before_it_was_entered(self, either: LoopManager) -> None:
        twin = either.synced(Journal().open)("a")
        with pytest.raises(RuntimeError, match="was not entered"):
            twin.__exit__(None, None, None)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_is_left_by_who_has_entered_it_after_another_one_was_refused(
        self, drive: Drive
    ) -> None:
        class Pool:
            async def __aenter__(self) -> "Pool":
                await asyncio.to_thread(leave)
                return self

            async def __aexit__(self, *error: object) -> None:
                log.append("left")

        def leave() -> None:
            with pytest.raises(ValueError, match="being entered or left already"):
                view.__exit__(None, None, None)
            log.append("refused")

        log: list[str] = []
        with Runner(drive=drive) as runner:
            view = runner.enter(Pool())
            for _ in range(2):
                with view:
                    log.append("inside")
        assert log == ["refused", "inside", "left"] * 2

    def test_is_left_though_a_handler_tried_to_leave_it_meanwhile(self, runner: Runner) -> None:
        class Pool:
            async def __aenter__(self) -> None:
                signal.raise_signal(signal.SIGUSR1)
                await asyncio.to_thread(refused.wait, 20)

            async def __aexit__(self, *error: object) -> None:
                log.append("left")

        def leave(*_: object) -> None:
            with pytest.raises(ValueError, match="being entered or left already"):
                view.__exit__(None, None, None)
            refused.set()

        log: list[str] = []
        refused = threading.Event()
        view = runner.enter(Pool())
        before = signal.signal(signal.SIGUSR1, leave)
        try:
            with view:
                log.append("inside")
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert refused.is_set()
        assert log == ["inside", "left"]


class TestAnException:
    def test_in_the_block_goes_in_and_comes_back(self, either: LoopManager) -> None:
        journal, error = Journal(), KeyError("in the block")

        def fail() -> None:
            with either.enter(journal.open("a")):
                raise error

        with pytest.raises(KeyError) as raised:
            fail()
        assert raised.value is error
        assert journal.lines == ["enter a", "error KeyError", "exit a"]

    @pytest.mark.parametrize("kind", [ValueError, StopIteration, KeyboardInterrupt, SystemExit])
    def test_in_the_block_may_be_suppressed(
        self, either: LoopManager, kind: type[BaseException]
    ) -> None:
        suppressing = Suppressing(kind)
        error = kind()
        with either.enter(suppressing):
            raise error
        assert suppressing.seen is error

    @pytest.mark.parametrize("kind", [StopIteration, KeyboardInterrupt, SystemExit])
    def test_in_the_block_that_exits_is_raised_there_all_the_same(
        self, either: LoopManager, kind: type[BaseException]
    ) -> None:
        journal = Journal()
        with pytest.raises(kind), either.enter(journal.open("a")):
            raise kind
        assert journal.lines[-1] == "exit a"

    def test_of_the_entering_is_raised_and_nothing_is_left_to_exit(
        self, either: LoopManager
    ) -> None:
        @asynccontextmanager
        async def fail() -> AsyncIterator[None]:
            raise KeyError("entering")
            yield

        twin = either.synced(fail)()
        with pytest.raises(KeyError, match="entering"), twin:
            pass

    def test_of_the_exiting_takes_the_place_of_the_blocks(self, either: LoopManager) -> None:
        @asynccontextmanager
        async def fail() -> AsyncIterator[None]:
            try:
                yield
            finally:
                raise KeyError("exiting")

        with pytest.raises(KeyError, match="exiting") as raised, either.enter(fail()):
            raise ValueError("in the block")
        assert isinstance(raised.value.__context__, ValueError)

    @pytest.mark.parametrize("twin", [False, True], ids=["enter", "a twin"])
    def test_that_the_exiting_raises_again_leaves_no_garbage(
        self, either: LoopManager, twin: bool
    ) -> None:
        synced = either.synced(RaisingAgain)

        def fail() -> None:
            block = synced() if twin else either.enter(RaisingAgain())
            with contextlib.suppress(ValueError), block:
                raise ValueError("in the block")

        for _ in range(5):
            fail()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                fail()
            assert gc.collect() < 50
        finally:
            gc.enable()


class TestOneTask:
    def test_enters_and_exits(self, either: LoopManager) -> None:
        tasks: list[object] = []

        @asynccontextmanager
        async def look() -> AsyncIterator[None]:
            tasks.append(asyncio.current_task())
            yield
            tasks.append(asyncio.current_task())

        with either.enter(look()):
            either.run_sync(asyncio.sleep, 0)
        assert tasks[0] is tasks[1]

    def test_sees_the_context_of_the_one_who_enters(self, either: LoopManager) -> None:
        @asynccontextmanager
        async def look() -> AsyncIterator[str]:
            yield variable.get()

        token = variable.set("the caller's")
        try:
            with either.enter(look()) as seen:
                assert seen == "the caller's"
        finally:
            variable.reset(token)

    def test_keeps_a_cancel_scope_and_a_task_group_of_anyio(self, manager: LoopManager) -> None:
        done: list[str] = []

        async def child(event: anyio.Event) -> None:
            try:
                event.set()
                await anyio.sleep(60)
            finally:
                done.append("child")

        @asynccontextmanager
        async def background() -> AsyncIterator[anyio.abc.TaskGroup]:
            started = anyio.Event()
            async with anyio.create_task_group() as group:
                group.start_soon(child, started)
                await started.wait()
                yield group
                group.cancel_scope.cancel()

        with manager.enter(background()):
            assert done == []
        assert done == ["child"]

    def test_waits_for_the_children_of_a_task_group(self, manager: LoopManager) -> None:
        done: list[str] = []

        async def child() -> None:
            done.append("child")

        @asynccontextmanager
        async def grouped() -> AsyncIterator[anyio.abc.TaskGroup]:
            async with anyio.create_task_group() as group:
                yield group

        with manager.enter(grouped()) as group:

            async def start() -> None:
                group.start_soon(child)

            manager.run_sync(start)
        assert done == ["child"]

    @needs_timeout
    def test_keeps_a_time_limit_that_ends_with_the_block(self, manager: LoopManager) -> None:
        @asynccontextmanager
        async def limited(seconds: float) -> AsyncIterator[None]:
            async with asyncio.timeout(seconds):
                yield

        with pytest.raises(TimeoutError), manager.enter(limited(0.02)):
            manager.run_sync(asyncio.sleep, 0.1)
        with manager.enter(limited(20)):
            pass


class TestTheEndOfItsLoop:
    def test_exits_at_once_and_the_block_hears_of_it_at_its_end(self) -> None:
        journal = Journal()
        runner = Runner(name="closing")

        def use() -> None:
            with runner.enter(journal.open("a")):
                runner.close()
                assert journal.lines == ["enter a", "error CancelledError", "exit a"]

        with pytest.raises(RunnerClosedError, match=r"'closing' is closed.*was cancelled before"):
            use()

    def test_that_exits_already_is_waited_for_by_the_block(self) -> None:
        exiting, exited = threading.Event(), threading.Event()

        @asynccontextmanager
        async def slow() -> AsyncIterator[None]:
            try:
                yield
            finally:
                exiting.set()
                await asyncio.sleep(0.1)
                exited.set()

        runner = Runner()

        def use() -> None:
            with runner.enter(slow()):
                loop_of(runner).close_soon()
                assert exiting.wait(scaled(20))
            assert exited.is_set()

        with pytest.raises(RunnerClosedError):
            use()
        runner.close()
        assert exited.is_set()

    def test_of_one_that_is_entered_and_lost_exits(
        self, either: LoopManager, wait_until: WaitUntil
    ) -> None:
        journal = Journal()
        twin = either.synced(journal.open)("a")
        twin.__enter__()
        del twin
        gc.collect()
        wait_until(lambda: journal.lines[-1] == "exit a")
        assert journal.lines == ["enter a", "error GeneratorExit", "exit a"]


class TestALimit:
    def test_cancels_an_entering_that_takes_too_long(self, either: LoopManager) -> None:
        unwound: list[bool] = []

        @asynccontextmanager
        async def slow() -> AsyncIterator[None]:
            try:
                await asyncio.sleep(60)
                yield
            finally:
                unwound.append(True)

        twin = either.synced(slow)()
        limit = scaled(0.5)
        missed = pytest.raises(TimeoutError, match=rf"slow\(\) did not end within {limit} s")
        with missed, sideloop.timeout(limit), twin:
            pass
        assert unwound

    def test_that_is_over_does_not_keep_it_from_exiting(self, either: LoopManager) -> None:
        journal = Journal()
        with sideloop.timeout(scaled(0.03)), either.enter(journal.open("a")):
            asyncio.run(asyncio.sleep(scaled(0.05)))
        assert journal.lines == ["enter a", "exit a"]


class TestTheTwin:
    def test_looks_like_the_function(self) -> None:
        journal = Journal()
        twin = sideloop.synced(journal.open)
        assert twin.__name__ == "open"
        assert str(inspect.signature(twin)) == "(name: str) -> sideloop.SyncContextManager[str]"

    def test_is_a_method_in_a_class(self) -> None:
        class Pool:
            size = 3

            @sideloop.synced
            @asynccontextmanager
            async def connection(self) -> AsyncIterator[int]:
                yield self.size

        with Pool().connection() as size:
            assert size == 3

    def test_returns_a_context_manager(self) -> None:
        twin = sideloop.synced(Journal().open)("a")
        assert isinstance(twin, SyncContextManager)
        assert isinstance(twin, AbstractContextManager)
        assert not isinstance(twin, AbstractAsyncContextManager)
        assert "open" in repr(twin)

    def test_of_what_cannot_be_entered_is_refused(self) -> None:
        with pytest.raises(TypeError, match="expected what `async with` can enter, got list"):
            sideloop.enter([])  # type: ignore[arg-type]
