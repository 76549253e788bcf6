"""Statistics, dumps, and the report of a call that takes long."""

import asyncio
import contextlib
import io
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from aliases import LoopFactory
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, RunnerStatistics, run_sync


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(name="watched") as runner:
        yield runner


def of(runner: Runner) -> RunnerStatistics:
    return next(one for one in sideloop.statistics().runners if one.name == runner.name)


async def fails() -> None:
    raise ValueError("on purpose")


class TestStatistics:
    def test_count_calls_by_what_they_came_to(self) -> None:
        with Runner(name="watched", grace=0.05) as runner:
            before = sideloop.statistics().calls
            runner.run(asyncio.sleep, 0)
            for _ in range(2):
                with pytest.raises(ValueError, match="on purpose"):
                    runner.run(fails)
            with sideloop.timeout(0.01), pytest.raises(TimeoutError):
                runner.run(asyncio.sleep, 60)
            release = asyncio.Event()

            async def ignores() -> None:
                while not release.is_set():
                    with contextlib.suppress(asyncio.CancelledError):
                        await release.wait()

            with sideloop.timeout(0.01), pytest.raises(TimeoutError):
                runner.run(ignores)

            async def let_go() -> None:
                release.set()

            runner.run(let_go)
            calls, after = of(runner).calls, sideloop.statistics().calls
        assert (calls.returned, calls.failed, calls.cancelled, calls.abandoned) == (2, 2, 1, 1)
        assert calls.waiting == 0
        assert calls.made == 6
        assert after.made - before.made == 6

    def test_count_who_waits_now(self, runner: Runner) -> None:
        async def look() -> tuple[int, int]:
            return of(runner).calls.waiting, of(runner).calls.returned

        assert runner.run(look) == (1, 0)
        assert of(runner).calls.waiting == 0

    def test_sum_the_seconds_in_the_queue_and_on_the_loop(self, runner: Runner) -> None:
        entered = threading.Event()

        async def block(seconds: float) -> None:
            entered.set()
            threading.Event().wait(seconds)

        thread = threading.Thread(target=runner.run, args=(block, 0.1))
        thread.start()
        entered.wait()
        runner.run(asyncio.sleep, 0.05)
        thread.join()
        calls = of(runner).calls
        assert 0.01 < calls.queued < calls.ran
        assert 0.15 <= calls.ran < 60

    def test_keep_what_closed_runners_have_done(self) -> None:
        before = sideloop.statistics().calls
        with Runner() as runner:
            runner.run(asyncio.sleep, 0)
        name = runner.name
        del runner
        after = sideloop.statistics()
        assert after.calls.returned - before.returned == 1
        assert name not in {one.name for one in after.runners}

    def test_name_the_owner_and_the_depth(self) -> None:
        manager = LoopManager()

        async def nested() -> None:
            manager.run_sync(asyncio.sleep, 0)

        manager.run_sync(nested)
        names = [runner.name for runner in manager.runners()]
        first, second = (
            next(one for one in sideloop.statistics().runners if one.name == name) for name in names
        )
        assert (first.depth, first.owner) == (1, threading.current_thread().name)
        assert (second.depth, second.owner) == (2, first.name)
        manager.close()

    def test_name_no_owner_for_what_threads_share_or_have_left(self) -> None:
        shared, own = LoopManager(scope="process"), LoopManager()
        shared.run_sync(asyncio.sleep, 0)
        thread = threading.Thread(target=own.run_sync, args=(asyncio.sleep, 0))
        thread.start()
        thread.join()
        for manager in (shared, own):
            (runner,) = manager.runners()
            assert of(runner).owner is None
            manager.close()

    def test_count_calls_that_their_caller_drives(self) -> None:
        with Runner(name="watched", drive="caller") as runner:
            runner.run(asyncio.sleep, 0)
            assert of(runner).drive == "caller"
            assert of(runner).calls.returned == 1

    def test_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            sideloop.statistics().calls.returned = 1  # type: ignore[misc]


class TestADump:
    def test_shows_the_tasks_of_a_call_and_what_they_await(
        self, loop_factory: LoopFactory | None
    ) -> None:
        def dump() -> str:
            end, text = time.monotonic() + scaled(20), ""
            while "waits for events" not in text and time.monotonic() < end:
                file = io.StringIO()
                sideloop.dump(file)
                text = file.getvalue()
            return text

        async def leaf() -> str:
            await asyncio.sleep(0)
            return await asyncio.to_thread(dump)

        async def branch() -> str:
            return await asyncio.create_task(leaf(), name="the leaf")

        with Runner(name="watched", loop_factory=loop_factory) as runner:
            text = runner.run(branch)
        assert "runner 'watched', on a thread of its own" in text
        assert "branch() of thread 'MainThread'" in text
        assert "awaits task 'the leaf'" in text
        assert "in leaf" in text
        assert "await asyncio.to_thread(dump)" in text
        assert "waits for events" in text

    def test_shows_who_waits_for_whom(self) -> None:
        async def inner() -> str:
            file = io.StringIO()
            sideloop.dump(file)
            return file.getvalue()

        async def outer() -> str:
            return run_sync(inner)

        _, waits = run_sync(outer).split("who waits for whom:")
        inner_line, outer_line = sorted(
            (line for line in waits.splitlines() if "test_shows_who" in line),
            key=lambda line: ".outer() on runner" in line,
        )
        assert "thread 'MainThread' waits for" in outer_line
        assert ".outer() on runner" in outer_line
        assert ".inner() on runner" in inner_line

    def test_shows_where_a_loop_is_stuck(self, runner: Runner) -> None:
        entered, leave = threading.Event(), threading.Event()

        async def stuck() -> None:
            entered.set()
            leave.wait()

        thread = threading.Thread(target=runner.run, args=(stuck,))
        thread.start()
        entered.wait()
        file = io.StringIO()
        sideloop.dump(file)
        leave.set()
        thread.join()
        assert "leave.wait()" in file.getvalue()

    def test_goes_to_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        sideloop.dump()
        assert capsys.readouterr().err.startswith("sideloop: ")

    def test_shows_tasks_that_nobody_called(self, runner: Runner) -> None:
        async def background() -> None:
            await asyncio.Event().wait()

        async def leave_one() -> None:
            keep.append(asyncio.create_task(background(), name="in the background"))
            await asyncio.sleep(0)

        keep: list[asyncio.Task[None]] = []
        runner.run(leave_one)
        file = io.StringIO()
        sideloop.dump(file)
        assert "task 'in the background':" in file.getvalue()
        assert "await asyncio.Event().wait()" in file.getvalue()


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestACallThatTakesLong:
    def test_is_reported_once(
        self, drive: sideloop._runners.options.Drive, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen = asyncio.Event()

        class Watch(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # its signature
                loop.call_soon_threadsafe(seen.set)

        async def slow() -> str:
            nonlocal loop
            loop = asyncio.get_running_loop()
            await seen.wait()
            # A second one would come by now.
            await asyncio.sleep(0.2)
            return "ended"

        loop: asyncio.AbstractEventLoop
        watch = Watch()
        logging.getLogger("sideloop").addHandler(watch)
        try:
            with Runner(name="watched", drive=drive, slow_call_warning=0.05) as runner:
                assert runner.run(slow) == "ended"
        finally:
            logging.getLogger("sideloop").removeHandler(watch)
        (record,) = caplog.records
        message = record.getMessage()
        assert "slow() has not ended for 0.0" in message
        assert "'watched'" in message
        assert "runner.run(slow)" in message
        assert "await seen.wait()" in message

    def test_is_not_reported_with_none(
        self, drive: sideloop._runners.options.Drive, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Runner(drive=drive, slow_call_warning=None) as runner:
            runner.run(asyncio.sleep, 0.1)
        assert not caplog.records

    @pytest.mark.parametrize("seconds", [0, -1, float("nan")])
    def test_must_be_given_a_time(
        self, drive: sideloop._runners.options.Drive, seconds: float
    ) -> None:
        with pytest.raises(ValueError, match="slow_call_warning"):
            Runner(drive=drive, slow_call_warning=seconds)
        with pytest.raises(ValueError, match="slow_call_warning"):
            LoopManager(drive=drive, slow_call_warning=seconds)


def test_a_blocked_loop_is_reported_with_the_line_that_blocks_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leave = threading.Event()

    class Release(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # its signature
            leave.set()

    async def blocks() -> None:
        leave.wait()

    release = Release()
    logging.getLogger("sideloop").addHandler(release)
    try:
        with Runner(slow_call_warning=0.05) as runner:
            runner.run(blocks)
    finally:
        logging.getLogger("sideloop").removeHandler(release)
    assert "leave.wait()" in caplog.text.split("the loop's thread:")[1]
