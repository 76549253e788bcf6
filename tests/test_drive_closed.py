"""The drive: what another thread has closed unwinds where its own thread comes to it next."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

import sideloop
from sideloop import LoopManager, LoopStoppedError, RunnerClosedError


def on_a_thread(sync_fn: Callable[[], object]) -> None:
    """Call it on a new thread, which ends before this returns."""
    thread = threading.Thread(target=sync_fn)
    thread.start()
    thread.join()


class Opened:
    """What is open on a loop, and says what becomes of it."""

    def __init__(self, manager: LoopManager) -> None:
        self.manager = manager
        self.log: list[str] = []
        self.loop: asyncio.AbstractEventLoop

    async def items(self) -> AsyncGenerator[int, Any]:
        self.loop = asyncio.get_running_loop()
        try:
            while True:
                yield 1
        finally:
            await self.clean_up()

    @contextlib.asynccontextmanager
    async def block(self) -> AsyncGenerator[int]:
        self.loop = asyncio.get_running_loop()
        try:
            yield 1
        finally:
            await self.clean_up()

    async def clean_up(self) -> None:
        self.log.append("cleans up")
        await asyncio.sleep(0.001)
        self.log.append("has cleaned up")

    async def wait(self, item: int) -> int:
        """One item of a map: the first is answered, the others wait."""
        self.loop = asyncio.get_running_loop()
        if item:
            try:
                await asyncio.Event().wait()
            finally:
                await self.clean_up()
        await asyncio.sleep(0)
        return item

    def assert_has_cleaned_up(self) -> None:
        assert self.log == ["cleans up", "has cleaned up"]
        assert self.loop.is_closed()


@pytest.fixture(params=["thread", "caller"])
def opened(request: pytest.FixtureRequest) -> Generator[Opened]:
    manager = LoopManager(drive=request.param)
    yield Opened(manager)
    manager.close()


Step = Callable[[], object]


def an_item(opened: Opened) -> tuple[Step, object]:
    iterator = opened.manager.iterate(opened.items())
    next(iterator)
    return lambda: next(iterator), RunnerClosedError


def an_item_for_a_word(opened: Opened) -> tuple[Step, object]:
    iterator = opened.manager.iterate(opened.items())
    next(iterator)
    return lambda: iterator.send(1), RunnerClosedError


def an_item_for_an_error(opened: Opened) -> tuple[Step, object]:
    iterator = opened.manager.iterate(opened.items())
    next(iterator)
    return lambda: iterator.throw(LookupError), RunnerClosedError


def the_end_of_an_iterator(opened: Opened) -> tuple[Step, object]:
    iterator = opened.manager.iterate(opened.items())
    next(iterator)
    return iterator.close, None


def the_end_of_a_block(opened: Opened) -> tuple[Step, object]:
    block = opened.manager.enter(opened.block())
    block.__enter__()
    return lambda: block.__exit__(None, None, None), RunnerClosedError


def a_call_on_an_object(opened: Opened) -> tuple[Step, object]:
    class Server:
        async def start(self) -> None:
            opened.loop = asyncio.get_running_loop()
            self.task = opened.loop.create_task(self.serve())
            await asyncio.sleep(0)

        async def serve(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await opened.clean_up()

    server: Any = opened.manager.synced(Server)()
    server.start()
    return server.start, RunnerClosedError


def an_answer_of_a_map(opened: Opened) -> tuple[Step, object]:
    answers = opened.manager.map(opened.wait, [1, 0], ordered=False)
    assert next(answers) == 0
    return lambda: next(answers), RunnerClosedError


def the_end_of_a_map(opened: Opened) -> tuple[Step, object]:
    answers = opened.manager.map(opened.wait, [1, 0], ordered=False)
    assert next(answers) == 0
    return answers.close, None


def a_call(opened: Opened) -> tuple[Step, object]:
    iterator = opened.manager.iterate(opened.items())
    next(iterator)

    def call() -> None:
        opened.manager.run_sync(asyncio.sleep, 0)
        del iterator_kept[:]

    iterator_kept = [iterator]
    return call, None


STEPS = [
    an_item,
    an_item_for_a_word,
    an_item_for_an_error,
    the_end_of_an_iterator,
    the_end_of_a_block,
    a_call_on_an_object,
    an_answer_of_a_map,
    the_end_of_a_map,
    a_call,
]


class TestAManagerThatAnotherThreadCloses:
    @pytest.mark.parametrize("open_it", STEPS, ids=lambda step: step.__name__)
    def test_has_cleaned_up_when_the_next_step_returns(
        self,
        opened: Opened,
        open_it: Callable[[Opened], tuple[Step, object]],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        step, expected = open_it(opened)
        on_a_thread(opened.manager.close)
        if expected is None:
            step()
        else:
            with pytest.raises(RunnerClosedError):
                step()
        opened.assert_has_cleaned_up()
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    def test_gives_what_unwinds_the_grace_that_was_asked_for(self) -> None:
        opened = Opened(LoopManager(drive="caller", grace=60))
        step, _ = the_end_of_a_block(opened)
        on_a_thread(lambda: opened.manager.close(grace=30))
        with pytest.raises(RunnerClosedError):
            step()
        opened.assert_has_cleaned_up()

    @pytest.mark.parametrize("open_it", [an_item, the_end_of_an_iterator, the_end_of_a_block])
    def test_leaves_the_cleanup_to_the_thread_that_drives_if_another_takes_the_step(
        self, open_it: Callable[[Opened], tuple[Step, object]], caplog: pytest.LogCaptureFixture
    ) -> None:
        opened = Opened(LoopManager(drive="caller"))
        step, _ = open_it(opened)
        on_a_thread(opened.manager.close)

        def step_elsewhere() -> None:
            with contextlib.suppress(RunnerClosedError):
                step()

        on_a_thread(step_elsewhere)
        assert opened.log == []
        opened.manager.run_sync(asyncio.sleep, 0)
        opened.assert_has_cleaned_up()
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
        opened.manager.close()

    def test_serves_calls_of_what_unwinds_on_another_loop(self) -> None:
        manager, found = LoopManager(drive="caller"), list[object]()

        async def items() -> AsyncGenerator[int]:
            try:
                yield 1
            finally:
                found.append(manager.run_sync(asyncio.sleep, 0, "nested"))

        iterator = manager.iterate(items())
        next(iterator)
        on_a_thread(manager.close)
        iterator.close()
        assert found == ["nested"]
        manager.close()


class TestAStepOnTheLoopThatUnwinds:
    @pytest.mark.parametrize("open_it", [an_item, the_end_of_an_iterator, the_end_of_a_block])
    def test_does_not_cut_off_the_cleanup_of_what_it_is_a_step_of(
        self, opened: Opened, open_it: Callable[[Opened], tuple[Step, object]]
    ) -> None:
        step, _ = open_it(opened)
        told: list[object] = []

        async def background() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                try:
                    told.append(step())
                except (RunnerClosedError, LoopStoppedError) as error:
                    told.append(type(error))

        async def start() -> None:
            kept.append(asyncio.get_running_loop().create_task(background()))
            await asyncio.sleep(0)

        kept: list[asyncio.Task[None]] = []
        opened.manager.run_sync(start)
        opened.manager.close()
        assert len(told) == 1
        opened.assert_has_cleaned_up()


class TestAClose:
    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_by_what_the_same_close_unwinds_is_a_clear_error(self, drive: Any) -> None:
        runner, raised = sideloop.Runner(drive=drive), list[str]()

        async def background() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                try:
                    runner.close()
                except RuntimeError as error:
                    raised.append(str(error))

        async def start() -> None:
            kept.append(asyncio.get_running_loop().create_task(background()))
            await asyncio.sleep(0)

        kept: list[asyncio.Task[None]] = []
        runner.run(start)
        runner.close()
        assert len(raised) == 1
        assert "own loop" in raised[0]
