"""What cleans up already when its loop ends: it is left to that, for as long as its grace is."""

import asyncio
import contextlib
import gc
import itertools
import logging
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import programs
import pytest
from aliases import LoopFactory, WaitUntil
from hosts import MakeRunner
from pace import scaled

import sideloop
from sideloop import Runner
from sideloop._loops.leftovers import handles_cancellation

SYNC = ["left_iterator", "just_left_iterator", "iterator_that_reads_ahead", "cancelled_task"]
THREADED = [
    "closing_iterator",
    "exiting_context_manager",
    "left_map",
    "map_at_its_limit",
    "call_at_its_limit",
    "cancelled_future",
    "awaited_task",
    "tasks_of_a_call",
    "tasks_of_a_group",
    "tasks_of_a_group_in_the_background",
]
CELLS = [(what, kind) for what in SYNC for kind in ("native", "foreign", "driven")]
CELLS += [(what, kind) for what in THREADED for kind in ("native", "foreign")]


class TestACleanupUnderWay:
    @pytest.mark.parametrize("by", ["exit", "close"])
    @pytest.mark.parametrize(("what", "kind"), CELLS)
    def test_ends_before_its_loop_does_and_nothing_is_said(
        self, what: str, kind: str, by: str
    ) -> None:
        if "group" in what and sys.version_info < (3, 11):
            pytest.skip("no task groups")
        ended = programs.run("unwinding", what, kind, by)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "cleaned up\n", "")

    @pytest.mark.parametrize("kind", ["native", "foreign"])
    @pytest.mark.parametrize("what", ["hook", "close_that_is_left"])
    def test_ends_before_the_program_does_when_a_signal_handler_exits(
        self, what: str, kind: str
    ) -> None:
        ended = programs.run("unwinding", what, kind, "exit")
        assert (ended.code, ended.stdout, ended.stderr) == (0, "cleaned up\n", "")


async def forever() -> None:
    await asyncio.Event().wait()


async def start_and_cancel(
    async_fn: Callable[[], Coroutine[Any, Any, None]],
) -> asyncio.Task[None]:
    task = asyncio.ensure_future(async_fn())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    return task


class TestATaskThatWasCancelledBefore:
    def test_and_goes_on_is_cancelled_again_when_the_grace_is_over(
        self, loop_factory: LoopFactory | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        log: list[str] = []

        async def swallow() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await forever()
            log.append("swallowed")
            try:
                await forever()
            finally:
                log.append("cancelled")

        runner = Runner(loop_factory=loop_factory, grace=0.2)
        kept = runner.run(start_and_cancel, swallow)
        with caplog.at_level(logging.WARNING):
            runner.close()
        assert log == ["swallowed", "cancelled"]
        assert kept.cancelled()
        assert not caplog.records

    def test_and_never_ends_is_named_once(
        self, loop_factory: LoopFactory | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def ignore() -> None:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await forever()

        runner = Runner(loop_factory=loop_factory, grace=0.2)
        kept = runner.run(start_and_cancel, ignore)
        begin = time.monotonic()
        with caplog.at_level(logging.WARNING):
            runner.close()
        assert time.monotonic() - begin < scaled(5)
        assert not kept.done()
        assert [record.getMessage().count("ignore()") for record in caplog.records] == [1]


class TestATaskThatBeginsWhileItsLoopEnds:
    """By the cleanup of another, by a generator's, or since a connection has just come in."""

    def test_is_cancelled_and_cleans_up(
        self, make_runner: MakeRunner, caplog: pytest.LogCaptureFixture
    ) -> None:
        log: list[str] = []
        kept: list[object] = []

        async def clean_up(name: str, then: Callable[[], object]) -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.001)
                log.append(name)
                then()

        def begin(number: int) -> None:
            if number:
                begins = clean_up(f"{number}", lambda: begin(number - 1))
                kept.append(asyncio.ensure_future(begins))

        async def numbers() -> AsyncGenerator[int]:
            try:
                yield 1
            finally:
                kept.append(asyncio.ensure_future(clean_up("generator's", int)))
                await asyncio.sleep(0.001)

        async def leave() -> None:
            begin(3)
            generator = numbers()
            kept.append(generator)
            await generator.__anext__()
            await asyncio.sleep(0)

        runner = make_runner()
        runner.run(leave)
        runner.close()
        assert sorted(log) == ["1", "2", "3", "generator's"]
        assert not caplog.records

    def test_each_time_anew_does_not_keep_it_from_ending(
        self, make_runner: MakeRunner, caplog: pytest.LogCaptureFixture
    ) -> None:
        began: list[asyncio.Task[None]] = []

        def begin(_: object = None) -> None:
            began.append(asyncio.ensure_future(forever()))
            began[-1].add_done_callback(begin)

        async def leave() -> None:
            begin()
            await asyncio.sleep(0)

        runner = make_runner()
        runner.run(leave)
        start = time.monotonic()
        runner.close()
        assert time.monotonic() - start < scaled(10)
        said = {record.getMessage().rpartition("> ")[2] for record in caplog.records}
        assert said <= {"began while its loop ended, and was left behind"}
        gc.collect()
        assert len(began) > 5

    # Of a connection whose task is cancelled before its first step, as on asyncio's own loop.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_for_a_connection_is_cancelled_and_cleans_up(self, make_runner: MakeRunner) -> None:
        log: list[str] = []
        kept: list[Any] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            log.append("began")
            try:
                await reader.read()
            finally:
                await asyncio.sleep(0.001)
                writer.close()
                log.append("cleaned up")

        async def connect() -> None:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            kept.append(server)
            peer = socket.create_connection(server.sockets[0].getsockname())
            kept.append(peer)

        runner = make_runner()
        # Not turned since, or for a moment: it may come in before the end, while it ends, or never.
        runner.run(connect)
        runner.close()
        assert log in ([], ["began", "cleaned up"])
        kept.pop().close()
        gc.collect()


class TestAnIteratorThatWasCancelledBefore:
    def test_and_goes_on_hears_of_the_end_at_once(self, loop_factory: LoopFactory | None) -> None:
        """It rests at a `yield`, whatever its task says of the past."""
        log: list[str] = []

        async def items() -> AsyncGenerator[int, None]:
            with contextlib.suppress(asyncio.CancelledError):
                yield 1
            try:
                yield 2
            finally:
                log.append("cleaned up")

        async def cancel_host() -> None:
            own = asyncio.current_task()
            (host,) = [task for task in asyncio.all_tasks() if task is not own]
            host.cancel()
            await asyncio.sleep(0.01)

        runner = Runner(loop_factory=loop_factory, grace=60)
        iterator = runner.iterate(items())
        assert next(iterator) == 1
        runner.run(cancel_host)
        assert next(iterator) == 2
        runner.close()
        assert log == ["cleaned up"]


class TestACallLeftBehind:
    def test_may_end_within_the_grace_of_the_close(
        self, loop_factory: LoopFactory | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        log: list[str] = []

        async def slow_to_unwind() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.4)
                log.append("cleaned up")

        runner = Runner(loop_factory=loop_factory, grace=0.3)
        runner.run(asyncio.sleep, 0)
        # It has to have begun when the limit is over.
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.1)):
            runner.run(slow_to_unwind)
        named = len(caplog.records)
        runner.close(grace=60)
        assert log == ["cleaned up"]
        assert len(caplog.records) == named


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestAStepLeftBehind:
    """It ignores its cancellation, was named, and the iterator is dropped."""

    def test_is_named_once_and_nothing_more_is_said(
        self,
        drive: Literal["thread", "caller"],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        unraisable: list[str] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda one: unraisable.append(str(one)))
        end = threading.Event()

        async def ignore() -> AsyncGenerator[int, None]:
            while not end.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            yield 1

        runner = Runner(drive=drive, grace=0.1)
        runner.run(asyncio.sleep, 0)
        iterator = runner.iterate(ignore())
        # It has to have begun when the limit is over.
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.1)):
            next(iterator)
        del iterator
        runner.close()
        end.set()
        gc.collect()
        assert [record.getMessage().count("ignore()") for record in caplog.records] == [1]
        assert unraisable == []


@pytest.mark.parametrize("kind", ["native", "foreign", "driven"])
class TestWhatIsHeldUntilTheExit:
    @pytest.mark.parametrize("when", ["at_exit", "after_the_exit", "when_modules_are_gone"])
    def test_says_at_its_next_step_that_its_runner_is_closed(self, kind: str, when: str) -> None:
        ended = programs.run("held_until_the_exit", when, kind)
        assert sorted(ended.lines) == ["RunnerClosedError"] * 2 + ["exited", "items cleaned up"]
        assert (ended.code, ended.stderr) == (0, "")


class TestACoroutine:
    """Before CPython 3.11 a task does not say whether it was cancelled."""

    def test_shows_whether_it_handles_a_cancellation(self) -> None:
        async def clean_up(at: str) -> None:
            try:
                await forever()
            except asyncio.CancelledError:
                if at == "except":
                    await forever()
                raise
            finally:
                await forever()

        async def outer(at: str) -> None:
            await clean_up(at)

        async def items(at: str) -> AsyncGenerator[None, None]:
            await clean_up(at)
            yield

        async def iterates(at: str) -> None:
            async for _ in items(at):
                pass

        async def see() -> list[tuple[bool, bool]]:
            seen: list[tuple[bool, bool]] = []
            for function, at in itertools.product((outer, iterates), ("except", "finally")):
                task = asyncio.ensure_future(function(at))
                await asyncio.sleep(0)
                before = handles_cancellation(task.get_coro())
                task.cancel()
                await asyncio.sleep(0.01)
                seen.append((before, handles_cancellation(task.get_coro())))
                while not task.done():
                    task.cancel()
                    await asyncio.sleep(0)
            return seen

        assert asyncio.run(see()) == [(False, True)] * 4


class InterruptAt:
    """Raises KeyboardInterrupt at one line of ours, counted from the begin of a `with` block."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.where = "nowhere"

    def __enter__(self) -> "InterruptAt":
        # In a finalizer it would be lost.
        gc.collect()
        gc.disable()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        gc.enable()

    def _enter_frame(self, frame: FrameType, _event: str, _arg: object) -> Any:
        return self._at_line if OURS in frame.f_code.co_filename else None

    def _at_line(self, frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self._at_line


OURS = str(Path(sideloop.__file__).parent)


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestCtrlC:
    def test_at_any_line_of_a_close_leaves_nothing_behind(
        self,
        drive: Literal["thread", "caller"],
        caplog: pytest.LogCaptureFixture,
        wait_until: WaitUntil,
        request: pytest.FixtureRequest,
    ) -> None:
        """And is raised: by the close, or if it has to be, by whoever drops the runner."""
        log: list[int] = []

        async def background(number: int) -> None:
            try:
                await forever()
            finally:
                log.append(number)

        async def start(number: int) -> tuple[asyncio.Task[None], asyncio.AbstractEventLoop]:
            task = asyncio.ensure_future(background(number))
            await asyncio.sleep(0)
            return task, asyncio.get_running_loop()

        gc.collect()
        gc.freeze()  # what the session holds is not to be looked at for each line
        request.addfinalizer(gc.unfreeze)
        number, raised = 0, True
        while raised:
            number += 1
            raised = False
            runner = Runner(drive=drive)
            kept, loop = runner.run(start, number)
            try:
                with InterruptAt(number) as interrupt:
                    runner.close()
            except KeyboardInterrupt:
                raised = True
            assert raised == (interrupt.left <= 0), interrupt.where
            del runner
            wait_until(loop.is_closed)
            wait_until(lambda: log[-1:] == [number])  # noqa: B023  # it is called here
            del kept, loop
        assert number > 20
        assert not caplog.records
