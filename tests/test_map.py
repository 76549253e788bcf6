"""The map: an async function over many items, with bounds on what runs and on what is held."""

import asyncio
import contextlib
import contextvars
import gc
import itertools
import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aliases import WaitUntil
from hooks.futures import ForeignFuture
from hosts import Drive
from interpreters import let_go
from pace import scaled
from waiting import Waiting

import sideloop
from sideloop import (
    DeadlockError,
    LoopManager,
    LoopStoppedError,
    Runner,
    RunnerClosedError,
    loop_manager,
    run_sync,
)


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def fail_at_three(n: int) -> int:
    await asyncio.sleep(0)
    if n == 3:
        raise ValueError(n)
    return n


async def open_gate(gate: asyncio.Event) -> None:
    gate.set()


def _raise(error: BaseException) -> None:
    raise error


async def tasks_left() -> int:
    return len(asyncio.all_tasks()) - 1


class Items:
    """Counts how many items were pulled, on which thread, and how many are alive."""

    def __init__(self) -> None:
        self.pulled = 0
        self.alive = 0
        self.most_alive = 0
        self.threads: set[threading.Thread] = set()

    def __iter__(self) -> Iterator["Counted"]:
        return self

    def __next__(self) -> "Counted":
        self.pulled += 1
        self.threads.add(threading.current_thread())
        return Counted(self)


class Counted:
    def __init__(self, items: Items) -> None:
        self._items = items
        items.alive += 1
        items.most_alive = max(items.most_alive, items.alive)

    def __del__(self) -> None:
        self._items.alive -= 1


class TestTheAnswers:
    def test_come_in_the_order_of_the_items(self) -> None:
        async def later_for_less(n: int) -> int:
            await asyncio.sleep((10 - n % 10) / 1000)
            return n

        assert list(sideloop.map(later_for_less, range(100), limit=20)) == list(range(100))

    def test_come_as_they_are_there_if_that_is_asked_for(self) -> None:
        gate: list[asyncio.Event] = []

        async def first_is_last(n: int) -> int:
            if n == 0:
                gate.append(asyncio.Event())
                await gate[0].wait()
            elif n == 9:
                gate[0].set()
            return n

        answers = list(sideloop.map(first_is_last, range(10), ordered=False))
        assert answers[:8] == list(range(1, 9))
        assert sorted(answers) == list(range(10))

    @pytest.mark.parametrize("ordered", [True, False])
    @pytest.mark.parametrize("limit", [1, 2, 64, 5000])
    def test_are_one_for_each_item(self, limit: int, ordered: bool) -> None:
        answers = sideloop.map(double, range(3000), limit=limit, ordered=ordered)
        assert sorted(answers) == [2 * n for n in range(3000)]

    def test_of_nothing_are_none(self) -> None:
        assert list(sideloop.map(double, [])) == []

    def test_are_those_of_any_awaitable(self) -> None:
        def future(n: int) -> "asyncio.Future[int]":
            found: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            found.set_result(n)
            return found

        assert list(sideloop.map(future, range(3))) == [0, 1, 2]

    def test_of_a_thousand_maps_at_once_are_not_mixed_up(self) -> None:
        maps = [
            sideloop.map(double, range(start, start + 5), limit=2) for start in range(0, 5000, 5)
        ]
        assert list(itertools.chain(*zip(*maps, strict=True))) == [
            2 * (start + n) for n in range(5) for start in range(0, 5000, 5)
        ]

    def test_of_many_threads_are_not_mixed_up(self, threads: ThreadPoolExecutor) -> None:
        def total(start: int) -> list[int]:
            return list(sideloop.map(double, range(start, start + 500)))

        for start, answers in zip(range(16), threads.map(total, range(16)), strict=True):
            assert answers == [2 * n for n in range(start, start + 500)]

    def test_may_be_taken_by_one_thread_after_the_other(self, threads: ThreadPoolExecutor) -> None:
        answers = sideloop.map(double, range(100), limit=3)
        assert [next(answers) for _ in range(10)] == [2 * n for n in range(10)]
        assert threads.submit(list, answers).result(scaled(20)) == [2 * n for n in range(10, 100)]


class TestTheItems:
    def test_run_as_many_at_once_as_the_limit_says(self) -> None:
        running, most = 0, 0

        async def count(n: int) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

        for _ in sideloop.map(count, range(100), limit=7):
            pass
        assert most == 7

    @pytest.mark.parametrize("ordered", [True, False])
    def test_may_be_without_end_and_only_so_many_are_held(self, ordered: bool) -> None:
        items = Items()

        async def answer(item: Counted) -> int:
            await asyncio.sleep(0)
            return 1

        answers = sideloop.map(answer, items, limit=10, ordered=ordered)
        for _ in range(5000):
            next(answers)
        assert items.most_alive <= 21  # one is just being pulled
        answers.close()

    def test_are_pulled_twice_the_limit_ahead_however_slow_the_caller_is(
        self, wait_until: WaitUntil
    ) -> None:
        items = Items()
        answered = 0

        async def answer(item: Counted) -> None:
            nonlocal answered
            answered += 1

        with sideloop.map(answer, items, limit=10) as answers:
            next(answers)
            wait_until(lambda: answered == items.pulled)
            assert 0 < items.pulled <= 20

    def test_are_pulled_by_the_first_next_and_not_before(self) -> None:
        items = Items()
        answers = sideloop.map(double, items)  # type: ignore[arg-type]
        assert items.pulled == 0
        answers.close()
        assert items.pulled == 0

    def test_are_pulled_on_the_thread_that_takes_the_answers(self) -> None:
        items = Items()

        async def answer(item: Counted) -> threading.Thread:
            return threading.current_thread()

        with sideloop.map(answer, items, limit=2) as answers:
            found = {next(answers) for _ in range(20)}
        assert items.threads == {threading.current_thread()}
        assert found.isdisjoint(items.threads)

    def test_begin_while_a_slow_iterator_makes_the_next_one(self, wait_until: WaitUntil) -> None:
        begun: list[int] = []

        async def begin(n: int) -> int:
            begun.append(n)
            return n

        def slow() -> Iterator[int]:
            for n in range(5):
                wait_until(lambda n=n: begun == list(range(n)))  # type: ignore[misc]
                yield n

        assert list(sideloop.map(begin, slow())) == list(range(5))

    def test_may_come_from_calls_and_from_another_map(self) -> None:
        def pages() -> Iterator[int]:
            for n in range(100):
                yield run_sync(double, n)

        assert list(sideloop.map(double, pages())) == [4 * n for n in range(100)]
        assert list(sideloop.map(double, sideloop.map(double, range(100)))) == [
            4 * n for n in range(100)
        ]

    def test_run_in_a_copy_of_the_context_in_which_they_were_pulled(self) -> None:
        variable = contextvars.ContextVar("variable", default="nothing")

        async def look(n: int) -> str:
            found = variable.get()
            variable.set("changed")
            return found

        def named() -> Iterator[int]:
            for n in range(3):
                variable.set(f"item {n}")
                yield n

        found = contextvars.copy_context().run(lambda: list(sideloop.map(look, named())))
        assert found == ["item 0", "item 1", "item 2"]
        assert variable.get() == "nothing"

    def test_go_on_while_nobody_waits_for_them(self, wait_until: WaitUntil) -> None:
        begun = 0
        answered: list[int] = []
        gates: list[asyncio.Event] = []

        async def answer(n: int) -> None:
            nonlocal begun
            begun += 1
            if n == 0:
                gates.extend((asyncio.Event(), asyncio.Event()))
            elif begun == 4:
                gates[0].set()
            await gates[0 if n == 0 else 1].wait()
            answered.append(n)

        with sideloop.map(answer, range(20), limit=4) as answers:
            next(answers)
            assert answered == [0]
            run_sync(open_gate, gates[1])
            wait_until(lambda: len(answered) >= 4)


class TestAnError:
    def test_is_raised_in_its_place_and_ends_the_map(self) -> None:
        answers = sideloop.map(fail_at_three, range(100))
        assert [next(answers) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="3"):
            next(answers)
        assert list(answers) == []

    def test_is_raised_when_what_else_was_in_flight_has_unwound(self) -> None:
        waiting = Waiting()

        async def fail_when_all_wait(n: int) -> int:
            if n == 19:
                raise ValueError(n)
            return await waiting(n + 1)

        with pytest.raises(ValueError, match="19"):
            list(sideloop.map(fail_when_all_wait, range(100), limit=20, ordered=False))
        assert waiting.began == waiting.unwound > 18
        assert run_sync(tasks_left) == 0

    def test_is_the_same_object_with_one_frame_of_ours(self) -> None:
        error = ValueError("the one")

        async def fail(n: int) -> None:
            raise error

        with pytest.raises(ValueError, match="the one") as raised:
            next(sideloop.map(fail, [1]))
        assert raised.value is error
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert frames[1:] == ["__next__", "fail"]

    def test_leaves_no_garbage(self) -> None:
        async def fail(n: int) -> None:
            raise ValueError(n)

        def items() -> Iterator[int]:
            yield from ()
            raise KeyError

        def run() -> None:
            for failing in (
                sideloop.map(fail, range(10)),
                sideloop.map(double, items()),
                sideloop.map(len, ["not async"]),  # type: ignore[arg-type]
            ):
                with pytest.raises((ValueError, KeyError, TypeError)):
                    next(failing)

        run()
        gc.collect()
        gc.disable()
        try:
            run()
            let_go()
            # pytest.raises keeps three for each: the ones that it hands out.
            assert [found for found in garbage() if type(found).__module__ != "builtins"] == []
        finally:
            gc.enable()

    def test_is_an_answer_if_that_is_asked_for(self) -> None:
        async def fail(n: int) -> int:
            if n % 2:
                raise ValueError(n)
            if n == 4:
                raise asyncio.CancelledError
            return n

        answers = list(sideloop.map(fail, range(7), return_exceptions=True))
        assert [answers[n] for n in (0, 2, 6)] == [0, 2, 6]
        assert [type(answers[n]) for n in (1, 3, 5)] == [ValueError] * 3
        assert isinstance(answers[4], asyncio.CancelledError)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize("ordered", [True, False])
    def test_that_is_a_stop_iteration_does_not_end_the_map_silently(
        self, drive: Drive, ordered: bool
    ) -> None:
        """A plain function may raise it, as one that takes the next of what has run out."""
        tokens = iter("ab")

        def fetch(n: int) -> Awaitable[str]:
            return double_text(next(tokens))

        async def double_text(text: str) -> str:
            return 2 * text

        with LoopManager(drive=drive) as manager:
            answers = manager.map(fetch, range(3), ordered=ordered)
            assert sorted([next(answers), next(answers)]) == ["aa", "bb"]
            with pytest.raises(RuntimeError, match="raised StopIteration") as raised:
                next(answers)
            assert type(raised.value.__cause__) is StopIteration
            with pytest.raises(RuntimeError, match="raised StopIteration"):
                list(manager.map(fetch, range(3), executor=ThreadPoolExecutor(1)))
            found = list(manager.map(fetch, range(3), return_exceptions=True))
            assert [type(one) for one in found] == [RuntimeError] * 3

    def test_of_a_task_factory_that_is_a_stop_iteration_does_not_end_it_either(self) -> None:
        def refuse(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
            if "double" in repr(coro):
                raise StopIteration
            return asyncio.Task(coro, loop=loop, **options)

        with task_factory(refuse), pytest.raises(RuntimeError, match="raised StopIteration"):
            list(sideloop.map(double, range(10)))

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_that_is_an_exit_is_raised_and_spares_the_loop(self, kind: type[BaseException]) -> None:
        error = kind("the one")
        loop = run_sync(running_loop)

        async def leave(n: int) -> int:
            if n == 3:
                raise error
            return n

        with pytest.raises(kind) as raised:
            list(sideloop.map(leave, range(10), return_exceptions=True))
        assert raised.value is error
        assert run_sync(running_loop) is loop

    def test_is_the_first_of_two_exits(self) -> None:
        began: list[int] = []

        async def leave(n: int) -> int:
            began.append(n)
            while len(began) < 2:
                await asyncio.sleep(0)
            try:
                await asyncio.sleep(0 if n == 1 else 60)
            finally:
                # The second one's before anybody hears of the first, which has cancelled it.
                raise SystemExit(n)

        with pytest.raises(SystemExit) as raised:
            list(sideloop.map(leave, [1, 2], limit=2))
        assert raised.value.code == 1

    def test_of_the_item_iterator_is_raised_behind_the_items_before_it(self) -> None:
        waiting = Waiting()

        def items() -> Iterator[int]:
            yield from (1, 2, 3)
            raise KeyError("no more")

        answers = sideloop.map(double, items(), return_exceptions=True)
        assert [next(answers) for _ in range(3)] == [2, 4, 6]
        with pytest.raises(KeyError, match="no more") as raised:
            next(answers)
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
        assert frames[1:] == ["__next__", "items"]
        assert waiting.began == 0
        assert run_sync(tasks_left) == 0

    def test_of_a_task_factory_is_raised(self) -> None:
        def refuse(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
            if "double" in repr(coro):
                raise LookupError("no task")
            return asyncio.Task(coro, loop=loop, **options)

        with task_factory(refuse), pytest.raises(LookupError, match="no task"):
            list(sideloop.map(double, range(10)))

    def test_of_a_task_factory_that_has_made_the_task_leaves_none(self) -> None:
        """As what a signal handler raises then, on a loop that the caller drives."""
        kept: list[asyncio.Task[Any]] = []

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
            task = asyncio.Task(coro, loop=loop, **options)
            if "double" in repr(coro):
                kept.append(task)
                raise LookupError("no answer")
            return task

        with task_factory(make), pytest.raises(LookupError, match="no answer"):
            list(sideloop.map(double, range(10)))
        assert [task.cancelled() for task in kept] == [True]

    def test_of_a_task_that_is_cancelled_before_it_begins_is_raised(self) -> None:
        def cancel(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
            task = asyncio.Task(coro, loop=loop, **options)
            if "double" in repr(coro):
                task.cancel()
            return task

        with task_factory(cancel):
            answers = list(sideloop.map(double, range(10), return_exceptions=True))
            with pytest.raises(asyncio.CancelledError):
                list(sideloop.map(double, range(10)))
        assert [type(answer) for answer in answers] == [asyncio.CancelledError] * 10


SHORT_GRACE = 0.5


@contextlib.contextmanager
def task_factory(factory: Any) -> Iterator[None]:
    async def use(factory: Any) -> None:
        asyncio.get_running_loop().set_task_factory(factory)

    run_sync(use, factory)
    try:
        yield
    finally:
        run_sync(use, None)


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def garbage() -> list[object]:
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return gc.garbage[:]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def stubborn(n: int) -> int:
    while n:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)  # whose timer the loop holds: the collector leaves it there
    return n


class TestClosing:
    def test_cancels_what_is_in_flight_and_waits_for_it_to_unwind(self) -> None:
        waiting = Waiting(10)
        answers = sideloop.map(waiting, itertools.count(), limit=10)
        assert next(answers) == 0
        answers.close()
        assert waiting.began == waiting.unwound > 9
        assert run_sync(tasks_left) == 0

    def test_cancels_the_others_where_one_cannot_be_cancelled(self) -> None:
        waiting, raised = Waiting(), ValueError("of cancel()")

        async def wait_for_what_raises(n: int) -> int:
            if n == 1:
                return int(await ForeignFuture("cancel", raised))
            return await waiting(n)

        answers = sideloop.map(wait_for_what_raises, range(10), limit=10)
        assert next(answers) == 0
        with pytest.raises(ValueError, match="of cancel") as caught:
            answers.close()
        assert caught.value is raised
        assert waiting.began == waiting.unwound == 9
        loop_manager.close()  # which cancels it once more

    def test_is_what_the_end_of_a_with_block_does(self) -> None:
        waiting = Waiting(64)
        with sideloop.map(waiting, itertools.count()) as answers:
            assert next(answers) == 0
        assert waiting.began == waiting.unwound > 63

    def test_is_what_an_exception_in_a_with_block_does(self) -> None:
        waiting = Waiting(64)
        answers = sideloop.map(waiting, itertools.count())

        def use() -> None:
            with answers:
                next(answers)
                raise LookupError

        with pytest.raises(LookupError):
            use()
        assert waiting.began == waiting.unwound > 63

    def test_is_what_a_break_does_without_waiting(self, wait_until: WaitUntil) -> None:
        waiting = Waiting(64)
        for answer in sideloop.map(waiting, itertools.count()):
            assert answer == 0
            break
        wait_until(lambda: waiting.began == waiting.unwound > 63)

    @pytest.mark.parametrize("how", ["dropped", "elsewhere", "in a cycle", "in a generator"])
    def test_by_the_collector_waits_for_nothing_that_may_wait_for_its_thread(
        self, threads: ThreadPoolExecutor, wait_until: WaitUntil, how: str
    ) -> None:
        lock, began, unwound = threading.Lock(), list[int](), list[int]()

        async def item(n: int) -> int:
            if n == 0:
                await asyncio.sleep(0.05)
                return n
            began.append(n)
            try:
                await asyncio.sleep(60)
            finally:
                with lock:
                    unwound.append(n)
            return n

        def take_one(answers: Iterator[int]) -> Iterator[int]:
            yield from answers

        answers: Iterator[int] = sideloop.map(item, range(3))
        if how == "in a generator":
            answers = take_one(answers)
        assert next(answers) == 0
        wait_until(lambda: len(began) == 2)
        held: list[object] = [answers]
        del answers
        if how in ("in a cycle", "in a generator"):
            held.append(held)
        with lock:
            begin = time.monotonic()
            if how == "elsewhere":
                threads.submit(held.clear).result(scaled(20))
            elif how == "dropped":
                held.clear()
            else:
                del held
                gc.collect()
            took = time.monotonic() - begin
        assert took < scaled(2)
        wait_until(lambda: sorted(unwound) == [1, 2])

    @pytest.mark.parametrize("blocks", ["its cleanup", "all the time"])
    def test_takes_one_grace_where_an_item_blocks_its_loop(
        self, hasty: LoopManager, caplog: pytest.LogCaptureFixture, blocks: str
    ) -> None:
        release, blocking = threading.Event(), threading.Event()

        async def item(n: int) -> int:
            if n == 0:
                await asyncio.sleep(0.05)
                return n
            try:
                await asyncio.sleep(0.1 if blocks == "all the time" else 60)
                blocking.set()
                release.wait(scaled(20))
            finally:
                release.wait(scaled(20))
            return n

        answers = hasty.map(item, range(2))
        assert next(answers) == 0
        try:
            if blocks == "all the time":
                assert blocking.wait(scaled(20))
            begin = time.monotonic()
            with caplog.at_level(logging.WARNING, "sideloop"):
                answers.close()
            assert time.monotonic() - begin < 2 * SHORT_GRACE
        finally:
            release.set()
        assert len(caplog.records) == 1  # named once
        assert hasty.run_sync(double, 1) == 2

    def test_by_another_thread_waits_too(self, threads: ThreadPoolExecutor) -> None:
        waiting = Waiting(64)
        answers = sideloop.map(waiting, itertools.count())
        assert next(answers) == 0
        threads.submit(answers.close).result(scaled(20))
        assert waiting.began == waiting.unwound > 63

    def test_is_idempotent_and_nothing_comes_after_it(self) -> None:
        answers = sideloop.map(double, itertools.count())
        next(answers)
        for _ in range(3):
            answers.close()
        assert list(answers) == []

    def test_takes_its_own_time_when_the_time_of_the_caller_is_over(self) -> None:
        waiting = Waiting(64)
        with sideloop.timeout(0.1), sideloop.map(waiting, itertools.count()) as answers:
            next(answers)
            with pytest.raises(TimeoutError):
                next(answers)
        assert waiting.began == waiting.unwound > 63

    def test_leaves_behind_what_ignores_it_and_names_it(
        self, hasty: LoopManager, caplog: pytest.LogCaptureFixture, wait_until: WaitUntil
    ) -> None:
        enough: list[asyncio.Event] = []

        async def stubborn(n: int) -> int:
            if n == 0:
                enough.extend((asyncio.Event(), asyncio.Event()))
                await enough[1].wait()
                return 0
            enough[1].set()
            while not enough[0].is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await enough[0].wait()
            return n

        answers = hasty.map(stubborn, range(3))
        assert next(answers) == 0
        with caplog.at_level(logging.WARNING, "sideloop"):
            answers.close()
        assert [record.name for record in caplog.records] == ["sideloop"]
        assert "stubborn() ignores its cancellation" in caplog.text

        hasty.run_sync(open_gate, enough[0])
        wait_until(lambda: hasty.run_sync(tasks_left) == 0)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize("how", ["close", "timeout"])
    def test_leaves_behind_what_is_named_once(
        self, drive: Drive, how: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        runner = Runner(drive=drive, grace=scaled(0.1))
        answers = runner.map(stubborn, [1, 2, 0], ordered=False)
        assert next(answers) == 0
        with caplog.at_level(logging.WARNING, "sideloop"):
            if how == "close":
                answers.close()
            else:
                with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.1)):
                    next(answers)
            assert caplog.text.count("stubborn()") == 1
            runner.close()
        assert len(caplog.records) == 1

    def test_leaves_behind_what_nobody_has_named_yet_for_the_end_to_name(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        runner = Runner(grace=0.1)
        answers = runner.map(stubborn, [1, 2, 0], ordered=False)
        assert next(answers) == 0
        with caplog.at_level(logging.WARNING, "sideloop"):
            del answers
            gc.collect()
            runner.close()
        assert [record.message.count("stubborn() running") for record in caplog.records] == [1, 1]

    def test_leaves_a_blocked_loop_behind_and_the_next_call_works(
        self, hasty: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        blocking, release = threading.Event(), threading.Event()
        gates: list[asyncio.Event] = []
        loops: list[asyncio.AbstractEventLoop] = []

        async def block(n: int) -> int:
            if n == 0:
                loops.append(asyncio.get_running_loop())
                gates.extend((asyncio.Event(), asyncio.Event()))
                await gates[0].wait()
            else:
                gates[0].set()
                await gates[1].wait()
                blocking.set()
                release.wait(scaled(20))
            return n

        answers = hasty.map(block, range(2))
        assert next(answers) == 0
        # Not by a call: on asyncio's loops its answer comes a turn later, and that blocks.
        loops[0].call_soon_threadsafe(gates[1].set)
        assert blocking.wait(scaled(20))
        with caplog.at_level(logging.WARNING, "sideloop"):
            answers.close()
        assert "block() blocks the event loop" in caplog.text
        assert hasty.run_sync(double, 21) == 42
        release.set()


@pytest.fixture
def hasty() -> Iterator[LoopManager]:
    """A manager with a short grace."""
    with LoopManager(grace=SHORT_GRACE) as manager:
        yield manager


class TestTheLoop:
    def test_is_the_one_of_run_sync(self) -> None:
        async def look(n: int) -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        assert set(sideloop.map(look, range(10))) == {run_sync(running_loop)}

    def test_that_was_closed_in_between_is_a_clear_error(self) -> None:
        waiting = Waiting()
        answers = sideloop.map(waiting, itertools.count(), limit=10)
        assert next(answers) == 0
        loop_manager.close()
        assert waiting.began == waiting.unwound
        with pytest.raises(RunnerClosedError, match="was cancelled before it ended"):
            next(answers)
        assert list(answers) == []
        assert run_sync(double, 21) == 42

    def test_that_is_closed_while_the_caller_waits_is_a_clear_error(
        self, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        waiting = Waiting()
        taking = threads.submit(list, sideloop.map(waiting, itertools.count(), limit=10))
        wait_until(lambda: waiting.began == 11)
        loop_manager.close()
        with pytest.raises(RunnerClosedError):
            taking.result(scaled(20))
        assert waiting.began == waiting.unwound

    def test_that_an_exit_ended_between_two_answers_is_an_error_that_names_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers = sideloop.map(Waiting(), itertools.count(), limit=10)
        assert next(answers) == 0
        stopped = SystemExit("of a callback")
        loop = run_sync(running_loop)
        loop.call_soon_threadsafe(_raise, stopped)
        while loop.is_running():
            time.sleep(0.001)
        with pytest.raises(LoopStoppedError, match="SystemExit from a callback") as caught:
            next(answers)
        assert caught.value.__cause__ is stopped
        assert run_sync(double, 21) == 42
        assert all("nobody waited" in record.message for record in caplog.records)

    def test_that_the_user_stopped_is_a_clear_error(self) -> None:
        async def stop(n: int) -> int:
            if n == 3:
                asyncio.get_running_loop().stop()
                await asyncio.Event().wait()
            return n

        with pytest.raises((LoopStoppedError, RunnerClosedError)):
            list(sideloop.map(stop, range(10)))
        assert run_sync(double, 21) == 42


class TestNested:
    def test_in_a_coroutine_works(self) -> None:
        async def outer(n: int) -> int:
            return sum(sideloop.map(double, range(n)))

        assert run_sync(outer, 100) == 9900

    def test_in_a_mapped_function_works(self) -> None:
        async def outer(n: int) -> list[int]:
            return list(sideloop.map(double, range(n)))

        answers = list(sideloop.map(outer, range(20)))
        assert answers == [[2 * k for k in range(n)] for n in range(20)]

    def test_under_the_loop_that_serves_it_is_a_clear_error_and_not_a_hang(self) -> None:
        waiting = Waiting()
        answers = sideloop.map(waiting, itertools.count(), limit=5)
        assert next(answers) == 0

        async def advance() -> None:
            with pytest.raises(DeadlockError, match="Waiting"):
                next(answers)

        run_sync(advance)
        assert list(answers) == []

    def test_close_under_the_loop_that_serves_it_cancels(self, wait_until: WaitUntil) -> None:
        waiting = Waiting()
        answers = sideloop.map(waiting, itertools.count(), limit=5)
        assert next(answers) == 0

        async def close() -> None:
            answers.close()

        run_sync(close)
        wait_until(lambda: waiting.began == waiting.unwound)

    def test_in_the_iterator_of_its_own_items_is_refused(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            yield next(answers[0])

        answers = [sideloop.map(double, items())]
        assert next(answers[0]) == 2
        with pytest.raises(ValueError, match="advanced already"):
            list(answers[0])

    def test_by_another_thread_while_one_waits_is_refused(
        self, threads: ThreadPoolExecutor, wait_until: WaitUntil
    ) -> None:
        waiting = Waiting()
        answers = sideloop.map(waiting, [1, 2])
        taking = threads.submit(next, answers)
        wait_until(lambda: waiting.began == 2)
        for use in (lambda: next(answers), answers.close):
            with pytest.raises(ValueError, match="by another thread"):
                use()
        loop_manager.close()
        assert isinstance(taking.exception(scaled(20)), RunnerClosedError)


class TestATimeLimit:
    def test_cancels_what_is_in_flight_and_waits_for_it_to_unwind(self) -> None:
        waiting = Waiting(64)
        answers = sideloop.map(waiting, itertools.count())
        limit = sideloop.timeout(scaled(0.1))
        with pytest.raises(TimeoutError, match=r"within [\d.]+ s"), limit:
            list(answers)
        assert waiting.began == waiting.unwound > 63
        assert list(answers) == []

    def test_holds_for_calls_in_the_mapped_function(self) -> None:
        seen: list[TimeoutError] = []

        async def nested(n: int) -> None:
            try:
                run_sync(asyncio.sleep, 60)
            except TimeoutError as error:
                seen.append(error)

        # Whether the answer comes in time or not: nothing else could end the nested call.
        with sideloop.timeout(0.1), contextlib.suppress(TimeoutError):
            list(sideloop.map(nested, [1]))
        assert len(seen) == 1


class TestAtTheDoor:
    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_limit_below_one_is_refused(self, limit: int) -> None:
        with pytest.raises(ValueError, match="1 at least"):
            sideloop.map(double, [1], limit=limit)

    def test_a_limit_that_is_no_integer_is_refused(self) -> None:
        with pytest.raises(TypeError):
            sideloop.map(double, [1], limit=1.5)  # type: ignore[call-overload]

    def test_a_coroutine_object_is_refused_as_by_run_sync(self) -> None:
        with pytest.raises(TypeError, match=r"double, \.\.\."):
            sideloop.map(double(1), [1])  # type: ignore[call-overload]

    def test_what_cannot_be_called_is_refused(self) -> None:
        with pytest.raises(TypeError):
            sideloop.map(None, [1])  # type: ignore[call-overload]

    def test_what_cannot_be_iterated_is_refused(self) -> None:
        with pytest.raises(TypeError, match="not iterable"):
            sideloop.map(double, 1)  # type: ignore[call-overload]

    def test_a_sync_function_is_refused_when_it_is_called_also_if_errors_are_answers(self) -> None:
        answers = sideloop.map(len, ["a"], return_exceptions=True)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="write it with 'async def'"):
            next(answers)

    def test_what_is_no_executor_is_refused(self) -> None:
        with pytest.raises(TypeError, match="get_executor"):
            sideloop.map(double, [1], executor=4)  # type: ignore[call-overload]


class TestProgress:
    def test_is_a_bar_that_counts_the_answers(self, capsys: pytest.CaptureFixture[str]) -> None:
        pytest.importorskip("tqdm")
        for _ in sideloop.map(double, range(50), progress=True):
            pass
        assert "50/50" in capsys.readouterr().err

    def test_of_items_without_a_length_counts_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        pytest.importorskip("tqdm")
        for _ in sideloop.map(double, iter(range(50)), progress=True):
            pass
        assert "50it" in capsys.readouterr().err

    def test_is_not_shown_unless_asked_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        for progress in (None, False):
            list(sideloop.map(double, range(50), progress=progress))
        assert capsys.readouterr().err == ""

    def test_without_tqdm_is_a_clear_error_at_the_door(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
        with pytest.raises(ImportError, match=r"sideloop\[progress\]"):
            sideloop.map(double, [1], progress=True)
