"""The workers of an executor that serve a manager's or runner's map: their loops are like its."""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import os
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from aliases import WaitUntil
from owners import OWNERS, Owner
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, RunnerClosedError


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def where(n: int) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def make_loop() -> asyncio.AbstractEventLoop:
    loop = sideloop.new_event_loop()
    loop.made_here = os.getpid()  # type: ignore[attr-defined]
    return loop


async def look(n: int) -> tuple[int, int, bool, str]:
    """In which process and on which loop it runs, made how, and on which thread."""
    await asyncio.sleep(0.001)
    loop = asyncio.get_running_loop()
    made_here = getattr(loop, "made_here", 0) == os.getpid()
    return os.getpid(), id(loop), made_here, threading.current_thread().name


@contextlib.contextmanager
def processes() -> Iterator[Executor]:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield executor


class TestTheWorkersOfAnExecutor:
    @pytest.mark.parametrize("where", ["threads", "processes"])
    def test_answer_each_item(self, owner: Owner, where: str) -> None:
        with ThreadPoolExecutor(2) if where == "threads" else processes() as executor:
            answers = list(owner.map(double, range(100), limit=10, executor=executor))
        assert answers == [2 * n for n in range(100)]

    @pytest.mark.parametrize("kind", OWNERS)
    def test_that_are_processes_have_one_loop_for_all_shards_with_the_options_of_the_owner(
        self, kind: str
    ) -> None:
        driven = "driven" in kind
        with (
            OWNERS[kind](name="mine", loop_factory=make_loop) as made,
            processes() as executor,
        ):
            found = list(made.map(look, range(100), limit=5, executor=executor))
        assert os.getpid() not in {process for process, *_ in found}
        assert len({(process, loop) for process, loop, *_ in found}) == len(
            {process for process, *_ in found}
        )
        assert all(made_here for _, _, made_here, _ in found)
        names = {name for *_, name in found}
        assert names == {"MainThread"} if driven else all(name.startswith("mine") for name in names)

    def test_that_are_threads_use_the_one_loop_of_a_process_wide_manager(self) -> None:
        with LoopManager(scope="process") as manager, ThreadPoolExecutor(3) as executor:
            loop = id(manager.run_sync(where, 0))
            found = manager.map(look, range(100), limit=5, executor=executor)
            assert {running for _, running, *_ in found} == {loop}

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_that_are_threads_have_loops_like_that_of_a_runner_until_the_map_ends(
        self, drive: Any, wait_until: WaitUntil
    ) -> None:
        loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

        async def note(n: int) -> int:
            await asyncio.sleep(0.001)
            loop = asyncio.get_running_loop()
            assert getattr(loop, "made_here", 0) == os.getpid()
            loops.append(weakref.ref(loop))
            return id(loop)

        with (
            Runner(name="mine", loop_factory=make_loop, drive=drive) as runner,
            ThreadPoolExecutor(3) as executor,
        ):
            own = id(runner.run(where, 0))
            found = set(runner.map(note, range(100), limit=5, executor=executor))
            assert own not in found
            assert 1 <= len(found) <= 3
            executor.submit(int).result()
            # They are closed when the map has ended, though the threads go on.
            wait_until(lambda: all((loop := one()) is None or loop.is_closed() for one in loops))

    def test_that_are_processes_are_refused_what_cannot_be_sent(self, owner: Owner) -> None:
        made = type(owner.made)(loop_factory=lambda: sideloop.new_event_loop())
        with processes() as executor, pytest.raises(TypeError, match=r"loop_factory.*top level"):
            made.map(double, [1], executor=executor)

    def test_are_waited_for_within_the_grace_of_the_owner(
        self, owner: Owner, caplog: pytest.LogCaptureFixture
    ) -> None:
        second, release = threading.Event(), threading.Event()

        async def hold(n: int) -> int:
            if n:
                second.set()
            await asyncio.to_thread((release if n else second).wait, scaled(20))
            return n

        with ThreadPoolExecutor(2) as threads:
            answers = owner.map(hold, itertools.count(), limit=1, executor=threads)
            assert next(answers) == 0
            begin = time.monotonic()
            with caplog.at_level(logging.WARNING, "sideloop"):
                answers.close()
            assert time.monotonic() - begin < scaled(2.5)
            assert "hold() still run in the workers" in caplog.text
            release.set()

    def test_get_nothing_to_do_from_a_map_whose_runner_is_closed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        runner = Runner()
        runner.close()
        with ThreadPoolExecutor(1) as threads:
            release = threading.Event()
            threads.submit(release.wait, scaled(20))
            answers = runner.map(double, itertools.count(), executor=threads)
            with pytest.raises(RunnerClosedError, match="was not started"):
                next(answers)
            assert list(answers) == []
            assert threads._work_queue.get_nowait().future.cancelled()
            release.set()
        assert caplog.records == []

    def test_are_left_what_they_have_begun_when_the_time_is_over_at_once(self) -> None:
        with Runner(grace=0.1) as runner, ThreadPoolExecutor(1) as threads:
            answers = runner.map(double, itertools.count(), executor=threads)
            with sideloop.timeout(0), pytest.raises(TimeoutError):
                next(answers)
            assert list(answers) == []
            assert list(runner.map(double, range(3), executor=threads)) == [0, 2, 4]
