"""Making a loop: while a loop factory runs, others wait as for a call, and no lock is held."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import programs
import pytest
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, RunnerClosedError


async def answer() -> int:
    return 42


class SlowFactory:
    """Makes loops, but not before it may."""

    def __init__(self) -> None:
        self.making = threading.Event()
        self.go_on = threading.Event()
        self.made = 0

    def __call__(self) -> asyncio.AbstractEventLoop:
        self.making.set()
        assert self.go_on.wait(scaled(20))
        self.made += 1
        return sideloop.new_event_loop()


class TestWhileALoopIsMade:
    @pytest.mark.parametrize("entry", ["run", "submit", "iterate", "enter", "process"])
    def test_another_caller_keeps_its_time_limit(
        self, threads: ThreadPoolExecutor, entry: str
    ) -> None:
        factory = SlowFactory()
        manager = LoopManager(scope="process", loop_factory=factory)
        runner = Runner(loop_factory=factory)

        async def items() -> AsyncGenerator[int, None]:
            yield 42

        @contextlib.asynccontextmanager
        async def opened() -> AsyncGenerator[int, None]:
            yield 42

        calls: dict[str, Callable[[], object]] = {
            "run": lambda: runner.run(answer),
            "submit": lambda: runner.submit(answer),
            "iterate": lambda: next(runner.iterate(items())),
            "enter": lambda: runner.enter(opened()).__enter__(),
            "process": lambda: manager.run_sync(answer),
        }
        first = manager.run_sync if entry == "process" else runner.run
        making = threads.submit(first, answer)
        assert factory.making.wait(scaled(20))
        try:
            begin = time.monotonic()
            with sideloop.timeout(0.05), pytest.raises(TimeoutError):
                calls[entry]()
            assert time.monotonic() - begin < 2
        finally:
            factory.go_on.set()
        assert making.result(scaled(20)) == 42
        assert calls[entry]() is not None
        assert factory.made == 1
        runner.close()
        manager.close()

    def test_the_factory_may_take_a_lock_that_another_caller_holds(
        self, threads: ThreadPoolExecutor
    ) -> None:
        lock, making = threading.Lock(), threading.Event()

        def factory() -> asyncio.AbstractEventLoop:
            making.set()
            with lock:
                return sideloop.new_event_loop()

        with Runner(loop_factory=factory) as runner:
            with lock:
                first = threads.submit(runner.run, answer)
                assert making.wait(scaled(20))
                with sideloop.timeout(0.05), pytest.raises(TimeoutError):
                    runner.run(answer)
            assert first.result(scaled(20)) == 42
            assert runner.run(answer) == 42

    def test_one_that_raises_raises_to_its_caller_and_the_next_one_makes_it(
        self, threads: ThreadPoolExecutor
    ) -> None:
        making, go_on, tries = threading.Event(), threading.Event(), list[int]()

        def factory() -> asyncio.AbstractEventLoop:
            tries.append(1)
            if len(tries) > 1:
                return sideloop.new_event_loop()
            making.set()
            assert go_on.wait(scaled(20))
            raise OSError("no loop today")

        with Runner(loop_factory=factory) as runner:
            first = threads.submit(runner.run, answer)
            assert making.wait(scaled(20))
            others = [threads.submit(runner.run, answer) for _ in range(4)]
            go_on.set()
            with pytest.raises(OSError, match="today"):
                first.result(scaled(20))
            assert [other.result(scaled(20)) for other in others] == [42] * 4
        assert len(tries) == 2

    def test_its_maker_is_refused_if_its_own_limit_is_over_then(self) -> None:
        ran: list[int] = []

        async def note() -> None:
            ran.append(1)

        def factory() -> asyncio.AbstractEventLoop:
            time.sleep(0.05)
            return sideloop.new_event_loop()

        with Runner(loop_factory=factory) as runner:
            with sideloop.timeout(0.02), pytest.raises(TimeoutError):
                runner.run(note)
            assert ran == []
            assert runner.run(answer) == 42

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_the_factory_may_call_the_runner_which_has_one_loop_then(self, drive: Any) -> None:
        made: list[asyncio.AbstractEventLoop] = []

        async def running_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        def factory() -> asyncio.AbstractEventLoop:
            if not made:
                made.append(sideloop.new_event_loop())
                assert runner.run(running_loop) is made[1]
                return made[0]
            made.append(sideloop.new_event_loop())
            return made[-1]

        with Runner(loop_factory=factory, drive=drive) as runner:
            assert runner.run(running_loop) is made[1]
            assert made[0].is_closed()
        assert [loop.is_closed() for loop in made] == [True, True]

    def test_close_waits_for_no_longer_than_its_grace(self, threads: ThreadPoolExecutor) -> None:
        factory = SlowFactory()
        runner = Runner(loop_factory=factory)
        first = threads.submit(runner.run, answer)
        assert factory.making.wait(scaled(20))
        begin = time.monotonic()
        runner.close(grace=0.05)
        assert time.monotonic() - begin < 2
        factory.go_on.set()
        with pytest.raises(RunnerClosedError):
            first.result(scaled(20))

    def test_ctrl_c_is_answered_at_once(self) -> None:
        ended = programs.run("making")
        assert (ended.lines, ended.code) == (["interrupted", "42"], 0), ended.stderr
