"""The map over the workers of an executor: processes of each kind, and threads."""

import asyncio
import concurrent.futures
import contextlib
import itertools
import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager


class Refuses(Exception):  # noqa: N818  # for tests
    """Comes out of no pickle: it is made with two arguments and keeps one."""

    def __init__(self, first: int, second: int) -> None:  # noqa: ARG002  # see above
        super().__init__(first)


async def double(n: int) -> int:
    await asyncio.sleep(0.001)
    return 2 * n


async def where(n: int) -> tuple[int, int]:
    await asyncio.sleep(0.01)
    return os.getpid(), id(asyncio.get_running_loop())


async def fail_at_thirty(n: int) -> int:
    await asyncio.sleep(0)
    if n == 30:
        raise ValueError(n)
    return n


async def raise_what_cannot_be_unpickled(n: int) -> None:
    raise Refuses(n, n)


async def raise_what_cannot_be_pickled(n: int) -> None:
    raise ValueError(threading.Lock())


async def answer_what_cannot_be_pickled(n: int) -> threading.Lock:
    return threading.Lock()


async def die(n: int) -> int:
    if n == 30:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


async def most_at_once(n: int) -> int:
    running.add(n)
    await asyncio.sleep(0.01)
    most = len(running)
    running.discard(n)
    return most


running: set[int] = set()


@pytest.fixture(scope="module", params=["spawn", "forkserver", "fork"])
def processes(request: pytest.FixtureRequest) -> Iterator[Executor]:
    context = multiprocessing.get_context(request.param)
    with ignored_fork_warning(), ProcessPoolExecutor(2, mp_context=context) as processes:
        # A pool that forks does so at the first submit: here, where it may.
        processes.submit(os.getpid).result(60)
        yield processes


@contextlib.contextmanager
def ignored_fork_warning() -> Iterator[None]:
    """CPython 3.12 and later warn of a fork beside threads: loops of other tests have some."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class TestInProcesses:
    @pytest.mark.parametrize("ordered", [True, False])
    def test_each_item_is_answered_once(self, processes: Executor, ordered: bool) -> None:
        answers = sideloop.map(double, range(1000), limit=16, executor=processes, ordered=ordered)
        found = list(answers)
        assert sorted(found) == [2 * n for n in range(1000)]
        assert not ordered or found == sorted(found)

    def test_items_run_elsewhere_each_process_on_one_loop(self, processes: Executor) -> None:
        found = set(sideloop.map(where, range(200), limit=5, executor=processes))
        assert len(found) == len({pid for pid, _ in found}) == 2
        assert os.getpid() not in {pid for pid, _ in found}

    def test_a_worker_runs_as_many_at_once_as_the_limit_says(self, processes: Executor) -> None:
        most = list(sideloop.map(most_at_once, range(100), limit=7, executor=processes))
        assert max(most) == 7

    def test_items_may_be_without_end(self, processes: Executor) -> None:
        pulled = 0

        def items() -> Iterator[int]:
            nonlocal pulled
            while True:
                pulled += 1
                yield pulled

        with sideloop.map(double, items(), limit=3, executor=processes) as answers:
            assert [next(answers) for _ in range(300)] == [2 * n for n in range(1, 301)]
            assert pulled <= 300 + 65 * 3

    def test_the_first_error_is_raised_in_its_place_and_says_where(
        self, processes: Executor
    ) -> None:
        answers = sideloop.map(fail_at_thirty, range(1000), limit=8, executor=processes)
        assert [next(answers) for _ in range(30)] == list(range(30))
        with pytest.raises(ValueError, match="30") as raised:
            next(answers)
        told = "".join(traceback.format_exception(raised.type, raised.value, raised.tb))
        assert "in fail_at_thirty" in told
        assert list(answers) == []

    def test_errors_are_answers_if_that_is_asked_for(self, processes: Executor) -> None:
        answers = list(
            sideloop.map(
                fail_at_thirty, range(60), limit=8, executor=processes, return_exceptions=True
            )
        )
        assert repr(answers[30]) == "ValueError(30)"
        assert answers[:30] + answers[31:] == [n for n in range(60) if n != 30]

    def test_an_exception_that_cannot_be_unpickled_does_not_break_the_pool(
        self, processes: Executor
    ) -> None:
        with pytest.raises(RuntimeError, match=r"raised Refuses\(1.*cannot be unpickled"):
            list(sideloop.map(raise_what_cannot_be_unpickled, [1], executor=processes))
        assert list(sideloop.map(double, [1], executor=processes)) == [2]

    @pytest.mark.parametrize(
        "async_fn", [raise_what_cannot_be_pickled, answer_what_cannot_be_pickled]
    )
    def test_what_cannot_be_sent_back_is_an_error_that_says_so(
        self, processes: Executor, async_fn: object
    ) -> None:
        with pytest.raises(TypeError, match="pickle"):
            list(sideloop.map(async_fn, [1], executor=processes))  # type: ignore[call-overload]
        assert list(sideloop.map(double, [1], executor=processes)) == [2]

    def test_items_that_cannot_be_sent_are_an_error_that_says_so(self, processes: Executor) -> None:
        items = [1, threading.Lock()]
        with pytest.raises(TypeError, match="pickle"):
            list(sideloop.map(double, items, executor=processes))  # type: ignore[arg-type]
        assert list(sideloop.map(double, [1], executor=processes)) == [2]

    def test_a_function_that_cannot_be_sent_is_refused_at_the_door(
        self, processes: Executor
    ) -> None:
        pulled = []

        async def local(n: int) -> int:
            return n

        with pytest.raises(TypeError, match=r"local\(\) cannot be sent .* top level of a module"):
            sideloop.map(local, iter(pulled.append, None), executor=processes)
        assert pulled == []

    def test_an_item_iterator_that_raises_does_so_behind_the_items_before_it(
        self, processes: Executor
    ) -> None:
        def items() -> Iterator[int]:
            yield from range(10)
            raise KeyError("no more")

        answers = sideloop.map(double, items(), limit=4, executor=processes)
        assert [next(answers) for _ in range(10)] == [2 * n for n in range(10)]
        with pytest.raises(KeyError, match="no more"):
            next(answers)

    def test_in_a_coroutine_works(self, processes: Executor) -> None:
        async def outer() -> int:
            return sum(sideloop.map(double, range(100), limit=9, executor=processes))

        assert sideloop.run_sync(outer) == 9900

    def test_a_time_limit_ends_the_wait(self, processes: Executor) -> None:
        with sideloop.timeout(0.1), pytest.raises(TimeoutError, match=r"sleep\(\) did not end"):
            list(sideloop.map(asyncio.sleep, [0.5] * 4, limit=1, executor=processes))
        assert list(sideloop.map(double, [1], executor=processes)) == [2]


class TestAProcessThatDies:
    def test_is_the_executors_own_error_and_not_a_hang(self) -> None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as processes:
            with pytest.raises(BrokenProcessPool):
                list(sideloop.map(die, range(1000), limit=8, executor=processes))
            with pytest.raises(BrokenProcessPool):
                list(sideloop.map(double, [1], executor=processes, return_exceptions=True))


class TestInThreads:
    def test_each_thread_has_its_own_loop(self, threads: ThreadPoolExecutor) -> None:
        found = set(sideloop.map(where, range(100), limit=2, executor=threads))
        assert len(found) > 1
        assert {pid for pid, _ in found} == {os.getpid()}

    def test_an_error_is_the_same_object(self, threads: ThreadPoolExecutor) -> None:
        error = ValueError(threading.Lock())

        async def fail(n: int) -> None:
            raise error

        with pytest.raises(ValueError, match="lock") as raised:
            list(sideloop.map(fail, [1], executor=threads))
        assert raised.value is error
        assert error.__cause__ is None

    def test_closing_cancels_shards_that_no_thread_has_begun_and_waits_for_the_others(
        self,
    ) -> None:
        begun: list[int] = []
        ended: list[int] = []

        async def note(n: int) -> int:
            begun.append(n)
            await asyncio.sleep(0 if n == 0 else 0.1)
            ended.append(n)
            return n

        with ThreadPoolExecutor(2) as threads:
            answers = sideloop.map(note, itertools.count(), limit=1, executor=threads)
            assert next(answers) == 0
            answers.close()
            assert len(begun) == len(ended) < 10
        assert len(begun) == len(ended) < 10

    def test_closing_names_what_did_not_end_within_the_grace(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        second, release = threading.Event(), threading.Event()

        async def hold(n: int) -> int:
            if n:
                second.set()
            await asyncio.to_thread((release if n else second).wait, scaled(20))
            return n

        with LoopManager(grace=0.05) as manager, ThreadPoolExecutor(2) as threads:
            answers = manager.map(hold, itertools.count(), limit=1, executor=threads)
            assert next(answers) == 0
            with caplog.at_level(logging.WARNING, "sideloop"):
                answers.close()
            assert "hold() still run in the workers" in caplog.text
            release.set()

    def test_collecting_cancels_and_does_not_wait(self, wait_until: WaitUntil) -> None:
        second, release = threading.Event(), threading.Event()
        begun: list[int] = []

        async def hold(n: int) -> int:
            begun.append(n)
            if n:
                second.set()
            await asyncio.to_thread((release if n else second).wait, scaled(20))
            return n

        with ThreadPoolExecutor(2) as threads:
            for _ in sideloop.map(hold, itertools.count(), limit=1, executor=threads):
                wait_until(lambda: len(begun) == 3)
                break
            release.set()
        assert sorted(begun) == [0, 1, 2]

    def test_an_executor_that_was_shut_down_is_its_own_error(self) -> None:
        threads = ThreadPoolExecutor(1)
        threads.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            next(sideloop.map(double, [1], executor=threads))


class TestAnExecutorOfOnesOwn:
    def test_needs_no_more_than_submit(self) -> None:
        class Here(Executor):
            def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
                future: concurrent.futures.Future[object] = concurrent.futures.Future()
                future.set_result(fn(*args, **kwargs))
                return future

        assert list(sideloop.map(double, range(200), executor=Here())) == [
            2 * n for n in range(200)
        ]
