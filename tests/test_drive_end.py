"""The end of a loop that the caller drives: close, thread end, fork, exit."""

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import programs
import pytest
from pace import scaled
from programs import Ended, count

import sideloop
from sideloop import LoopManager, Runner
from sideloop._runners.runner import loop_of


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


def on_a_thread(sync_fn: Callable[[], object]) -> None:
    """Call it on a new thread, which ends before this returns."""
    thread = threading.Thread(target=sync_fn)
    thread.start()
    thread.join()


class Left:
    """A task and an asynchronous generator that a call leaves on the loop."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []
        self._kept: list[Any] = []

    async def start(self) -> None:
        self._kept.append(asyncio.get_running_loop().create_task(self._task()))
        self._kept.append(self._generator())
        await self._kept[-1].__anext__()
        await asyncio.sleep(0)

    async def _task(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.001)
            self.log.append(("task", threading.get_ident()))

    async def _generator(self) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.001)
            self.log.append(("generator", threading.get_ident()))

    def assert_unwound_on(self, thread: int) -> None:
        assert sorted(self.log) == [("generator", thread), ("task", thread)]


class TestClose:
    def test_of_a_runner_unwinds_what_is_left_and_closes_the_loop(self) -> None:
        before, left = open_files(), Left()
        runner = Runner(drive="caller")
        loop = runner.run(running_loop)
        runner.run(left.start)
        for _ in range(2):
            runner.close()
        left.assert_unwound_on(threading.get_ident())
        assert loop.is_closed()
        assert open_files() == before
        with pytest.raises(sideloop.RunnerClosedError, match=r"answer\(\) was not started"):
            runner.run(answer)

    def test_of_a_manager_lets_the_next_call_make_a_new_loop(self) -> None:
        left = Left()
        manager = LoopManager(drive="caller")
        loop = manager.run_sync(running_loop)
        manager.run_sync(left.start)
        manager.close()
        left.assert_unwound_on(threading.get_ident())
        assert loop.is_closed()
        assert manager.runners() == []
        assert manager.run_sync(running_loop) is not loop
        manager.close()

    def test_names_a_task_that_ignores_its_cancellation(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def stubborn() -> None:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        async def start() -> asyncio.Task[None]:
            task = asyncio.get_running_loop().create_task(stubborn())
            await asyncio.sleep(0)
            return task

        runner = Runner(drive="caller")
        kept = runner.run(start)
        runner.close(grace=0.05)
        (warned,) = (record for record in caplog.records if record.name == "sideloop")
        assert "stubborn()" in warned.getMessage()
        del kept

    def test_by_a_coroutine_on_the_loop_is_a_clear_error(self) -> None:
        runner, manager = Runner(drive="caller"), LoopManager(drive="caller")

        async def close(owner: Runner | LoopManager) -> None:
            owner.close()

        for owner, run in ((runner, runner.run), (manager, manager.run_sync)):
            with pytest.raises(RuntimeError, match="own loop"):
                run(close, owner)
            assert run(answer) == 42
            owner.close()

    def test_leaves_nothing_behind(self) -> None:
        def once() -> None:
            with Runner(drive="caller") as runner:
                assert runner.run(answer) == 42

        once()
        gc.collect()
        files, objects = open_files(), len(gc.get_objects())
        for _ in range(200):
            once()
        gc.collect()
        assert open_files() == files
        assert len(gc.get_objects()) - objects < 20


class SignalledLoop(sideloop.EventLoop):
    """Is sent a signal before it is closed."""

    def close(self) -> None:
        signal.raise_signal(signal.SIGUSR1)
        super().close()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, LookupError])
class TestASignalHandlerThatRaisesWhileALoopIsClosed:
    @pytest.fixture
    def error(self, kind: type[BaseException]) -> Iterator[BaseException]:
        """What the handler raises, once."""
        error = kind("of a handler")
        due = [error]

        def handle(*_: object) -> None:
            if due:
                raise due.pop()

        before = signal.signal(signal.SIGUSR1, handle)
        yield error
        signal.signal(signal.SIGUSR1, before)

    def test_is_heard_by_who_closes_a_runner(self, error: BaseException) -> None:
        before = open_files()
        runner = Runner(drive="caller", loop_factory=SignalledLoop)
        loop = runner.run(running_loop)
        with pytest.raises(type(error)) as raised:
            runner.close()
        assert raised.value is error
        assert loop.is_closed()
        assert open_files() == before
        runner.close()

    def test_is_heard_by_who_closes_a_manager_whose_loops_are_all_closed(
        self, error: BaseException
    ) -> None:
        async def nested() -> list[asyncio.AbstractEventLoop]:
            return [asyncio.get_running_loop(), manager.run_sync(running_loop)]

        before = open_files()
        manager = LoopManager(drive="caller", loop_factory=SignalledLoop)
        loops = manager.run_sync(nested)
        with pytest.raises(type(error)) as raised:
            manager.close()
        assert raised.value is error
        manager.close()
        assert [loop.is_closed() for loop in loops] == [True, True]
        assert open_files() == before

    @pytest.mark.parametrize("ended_by", ["close", "stop"])
    def test_is_heard_if_it_comes_while_what_is_left_unwinds(
        self, error: BaseException, ended_by: str
    ) -> None:
        log: list[str] = []

        async def leave() -> asyncio.Task[None]:
            task = asyncio.get_running_loop().create_task(background())
            await asyncio.sleep(0)
            return task

        async def background() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                # Not by this task's code, which would be where the signal is met.
                loop = asyncio.get_running_loop()
                sent = loop.create_future()
                begun.append(lambda: loop.call_soon_threadsafe(sent.set_result, None))
                await sent
                await asyncio.sleep(0.2)
                log.append("cleaned up")

        def send() -> None:
            while not begun:
                time.sleep(0.001)
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGUSR1)
            with contextlib.suppress(RuntimeError):  # Ctrl-C waits for nothing
                begun[0]()

        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()

        begun: list[Callable[[], object]] = []
        sender = threading.Thread(target=send)
        sender.start()
        before = open_files()
        runner = Runner(drive="caller")
        kept = runner.run(leave)
        end = runner.close if ended_by == "close" else lambda: runner.run(stop)
        with pytest.raises(type(error)) as raised:
            end()
        assert raised.value is error
        # Who presses Ctrl-C waits no longer.
        assert log == ([] if isinstance(error, KeyboardInterrupt) else ["cleaned up"])
        assert open_files() == before
        runner.close()
        sender.join()
        del kept

    def test_is_heard_when_all_has_unwound_if_it_comes_before_anything_knows(
        self, error: BaseException, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = open_files()
        runner = Runner(drive="caller")
        left = Left()
        runner.run(left.start)
        all_tasks = asyncio.all_tasks

        def signalled(*args: Any) -> Any:
            monkeypatch.undo()
            signal.raise_signal(signal.SIGUSR1)
            return all_tasks(*args)

        # Asked for by who unwinds what is left, before that is told.
        monkeypatch.setattr(asyncio, "all_tasks", signalled)
        with pytest.raises(type(error)) as raised:
            runner.close()
        assert raised.value is error
        left.assert_unwound_on(threading.get_ident())
        assert open_files() == before
        runner.close()

    def test_is_heard_by_the_caller_whose_call_has_stopped_the_loop(
        self, error: BaseException
    ) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()

        before = open_files()
        runner = Runner(drive="caller", loop_factory=SignalledLoop)
        with pytest.raises(type(error)) as raised:
            runner.run(stop)
        assert raised.value is error
        assert open_files() == before
        runner.close()


class TestAManager:
    def test_that_is_dropped_while_another_thread_has_a_loop_is_quiet(
        self, threads: ThreadPoolExecutor
    ) -> None:
        manager = LoopManager(drive="caller")
        threads.submit(manager.run_sync, answer).result(scaled(20))
        del manager
        gc.collect()

    def test_whose_loop_another_thread_closes_says_nothing_of_its_tasks(
        self, threads: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
    ) -> None:
        tasks: list[weakref.ref[asyncio.Task[None]]] = []

        async def leave() -> None:
            task = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
            tasks.append(weakref.ref(task))
            await asyncio.sleep(0)

        manager = LoopManager(drive="caller")
        threads.submit(manager.run_sync, leave).result(scaled(20))
        for runner in manager.runners():
            loop_of(runner).close_or_let_go()
        gc.collect()
        assert tasks[0]() is None
        assert caplog.text == ""

    def test_whose_loop_another_thread_closes_leaves_nothing(self) -> None:
        loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []
        called, dropped = threading.Event(), threading.Event()

        def call() -> None:
            loops.append(weakref.ref(manager.run_sync(running_loop)))
            called.set()
            dropped.wait(scaled(20))

        manager = LoopManager(drive="caller")
        thread = threading.Thread(target=call)
        thread.start()
        assert called.wait(scaled(20))
        for runner in manager.runners():
            loop_of(runner).close_or_let_go()
        dropped.set()
        thread.join()
        del runner
        manager.close()
        gc.collect()
        assert loops[0]() is None


class TestAThreadThatEnds:
    def test_unwinds_what_is_left_on_its_loops(self) -> None:
        manager, left, nested, found = LoopManager(drive="caller"), Left(), Left(), []

        async def outer() -> None:
            await left.start()
            manager.run_sync(nested.start)

        def work() -> None:
            found.append(threading.get_ident())
            manager.run_sync(outer)

        on_a_thread(work)
        left.assert_unwound_on(found[0])
        nested.assert_unwound_on(found[0])
        assert manager.runners() == []

    def test_makes_no_thread_objects_in_their_last_steps(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each would stay in `threading`'s table, under an ident that may never come back."""
        # A record of the logging makes one: asyncio's debug mode logs what takes long.
        monkeypatch.setattr(logging, "logThreads", False)
        manager = LoopManager(drive="caller")
        numbers = itertools.count()
        together = threading.Barrier(20)

        left = [Left() for _ in range(20)]

        def work() -> None:
            manager.run_sync(left[next(numbers)].start)
            together.wait(scaled(20))  # all at once, so that none gets another's ident

        before = threading.enumerate()
        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        made = [one for one in threading.enumerate() if one not in before]
        assert [one for one in made if isinstance(one, threading._DummyThread)] == []

    def test_leaves_nothing_behind(self) -> None:
        manager = LoopManager(drive="caller")

        async def leave() -> int:
            await Left().start()
            return 42

        def work() -> None:
            answers.append(manager.run_sync(leave))

        def work_often(times: int) -> None:
            # asyncio holds tasks weakly: the collector might take one before its thread ends.
            gc.disable()
            try:
                for _ in range(times):
                    on_a_thread(work)
            finally:
                gc.enable()
            gc.collect()

        answers: list[int] = []
        work_often(3)
        files, threads = open_files(), threading.active_count()
        objects = len(gc.get_objects())
        work_often(300)
        assert answers == [42] * 303
        assert open_files() == files
        assert threading.active_count() <= threads  # one of another test's may end meanwhile
        assert manager.runners() == []
        assert len(gc.get_objects()) - objects < 60


def run(what: str, flags: tuple[str, ...] = ("-W", "error")) -> Ended:
    return programs.run("drive", what, flags=flags)


class TestExit:
    def test_lets_what_is_left_clean_up_and_is_quiet(self) -> None:
        ended = run("pending")
        assert sorted(ended.lines) == sorted(
            f"{owner} cleaned up" for owner in ("main", "nested", "runner", "thread")
        )
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("what", "who"),
        [
            ("dropped_inside", ["generator", "inside"]),
            ("dropped_elsewhere", ["elsewhere", "generator"]),
            ("closed_elsewhere", ["generator", "inside", "main"]),
        ],
    )
    def test_lets_what_was_dropped_on_a_loop_clean_up_once(self, what: str, who: list[str]) -> None:
        ended = run(what)
        assert sorted(ended.lines) == [f"{one} cleaned up" for one in who]
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.timeout(300)
    def test_is_quiet_while_daemon_threads_have_loops(self) -> None:
        for _ in range(count(3, full=200)):
            ended = run("daemons")
            assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")

    def test_unwinds_a_loop_once_whose_manager_is_dropped_meanwhile(self) -> None:
        ended = run("dropped_meanwhile")
        assert (ended.code, ended.stdout, ended.stderr) == (0, "dropped cleaned up\n", "")

    @pytest.mark.parametrize("when", ["before_ours", "after_ours"])
    def test_serves_the_first_call_in_an_atexit_handler(self, when: str) -> None:
        ended = run(when)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "42\n", "")


class TestAFork:
    @pytest.mark.parametrize("what", ["fork_idle", "fork_inside", "fork_on_a_thread"])
    def test_lets_the_child_call_and_leaves_the_parent_alone(self, what: str) -> None:
        ended = run(what, flags=())
        assert (ended.stdout, ended.stderr) == ("the parent is undisturbed\n", "")
        assert ended.code == 0

    @pytest.mark.parametrize(
        "what",
        [
            "fork_exits",
            "fork_from_c_exits",
        ],
    )
    def test_lets_the_child_exit_without_the_parents_cleanup(self, what: str) -> None:
        ended = run(what, flags=())
        assert (ended.stdout, ended.stderr) == (
            "the parent is undisturbed\nparent cleaned up\n",
            "",
        )
        assert ended.code == 0
