"""Maps of managers and runners: on their own loop, by their options, and all that maps promise."""

import asyncio
import contextlib
import functools
import gc
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aliases import WaitUntil
from owners import GRACE, Owner
from pace import scaled
from waiting import Waiting

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, RunnerClosedError
from sideloop._manager.runners import IDLE_LIMIT
from sideloop._sideloop import Limit


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def where(n: int) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def tasks_left() -> int:
    return len(asyncio.all_tasks()) - 1


class TestTheMap:
    @pytest.mark.parametrize("ordered", [True, False])
    @pytest.mark.parametrize("limit", [1, 7, 64])
    def test_answers_each_item(self, owner: Owner, limit: int, ordered: bool) -> None:
        answers = owner.map(double, range(1000), limit=limit, ordered=ordered)
        assert sorted(answers) == [2 * n for n in range(1000)]

    def test_runs_on_the_loop_of_its_calls(self, owner: Owner) -> None:
        loop = owner.run(where, 0)
        assert set(owner.map(where, range(100))) == {loop}
        assert set(sideloop.map(where, range(100))) != {loop}

    def test_runs_as_many_at_once_as_the_limit_says(self, owner: Owner) -> None:
        running, most = 0, 0

        async def count(n: int) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

        assert len(list(owner.map(count, range(50), limit=7))) == 50
        assert most == 7

    def test_may_be_without_end(self, owner: Owner) -> None:
        with owner.map(double, itertools.count(), limit=10) as answers:
            assert list(itertools.islice(answers, 500)) == [2 * n for n in range(500)]

    def test_raises_the_first_error_when_all_else_has_unwound(self, owner: Owner) -> None:
        waiting = Waiting()
        error = ValueError("the one")

        async def fail_last(n: int) -> int:
            if n == 9:
                await asyncio.sleep(0)
                raise error
            return await waiting(n + 1)

        with pytest.raises(ValueError, match="the one") as raised:
            list(owner.map(fail_last, range(100), limit=10, ordered=False))
        assert raised.value is error
        assert waiting.began == waiting.unwound > 8
        assert owner.run(tasks_left) == 0

    def test_answers_with_exceptions_if_that_is_asked_for(self, owner: Owner) -> None:
        async def reciprocal(n: int) -> float:
            return 1 / n

        answers = list(owner.map(reciprocal, [2, 0, 1], return_exceptions=True))
        assert [type(answer) for answer in answers] == [float, ZeroDivisionError, float]

    def test_ends_when_the_time_is_over(self, owner: Owner) -> None:
        waiting = Waiting()
        answers = owner.map(waiting, itertools.count(), limit=10)
        limit = sideloop.timeout(scaled(0.1))
        with pytest.raises(TimeoutError, match=r"within [\d.]+ s"), limit:
            list(answers)
        assert waiting.began == waiting.unwound > 9
        assert owner.run(tasks_left) == 0

    def test_cancels_what_is_in_flight_when_it_is_closed(self, owner: Owner) -> None:
        waiting = Waiting()
        with owner.map(waiting, itertools.count(), limit=10) as answers:
            assert next(answers) == 0
        assert waiting.began == waiting.unwound > 0
        assert list(answers) == []
        assert owner.run(tasks_left) == 0

    def test_cancels_what_is_in_flight_when_it_is_collected(
        self, owner: Owner, wait_until: WaitUntil
    ) -> None:
        waiting = Waiting()
        for _ in owner.map(waiting, itertools.count(), limit=10):
            break
        gc.collect()

        def unwound() -> bool:
            if owner.driven:  # nobody else turns it
                owner.run(asyncio.sleep, 0.01)
            return waiting.began == waiting.unwound > 0

        wait_until(unwound)

    def test_waits_for_what_ignores_that_within_the_grace_of_its_owner(
        self,
        owner: Owner,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        graces: list[float] = []

        class Noted:
            @staticmethod
            def alone(seconds: float, grace: float) -> Limit:
                graces.append(seconds)
                return Limit.alone(seconds, grace)

        monkeypatch.setattr("sideloop._map.loop.Limit", Noted)
        enough, others = asyncio.Event(), asyncio.Event()

        async def stubborn(n: int) -> int:
            if n == 0:
                await others.wait()
            others.set()
            while n and not enough.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await enough.wait()
            return n

        async def let_go() -> None:
            enough.set()

        answers = owner.map(stubborn, range(3))
        assert next(answers) == 0
        begin = time.monotonic()
        with caplog.at_level(logging.WARNING, "sideloop"):
            answers.close()
        assert time.monotonic() - begin > GRACE / 2
        assert graces == [GRACE]
        assert "stubborn() ignores its cancellation" in caplog.text
        owner.run(let_go)

    def test_begins_when_its_first_answer_is_taken(self, owner: Owner) -> None:
        pulled: list[int] = []
        answers = owner.map(double, (pulled.append(n) or n for n in range(3)))  # type: ignore[func-returns-value]
        assert not pulled
        assert list(answers) == [0, 2, 4]

    def test_inside_of_its_own_items_iterator_works(self, owner: Owner) -> None:
        pages = owner.map(double, range(10))
        assert list(owner.map(double, pages)) == [4 * n for n in range(10)]

    def test_in_a_coroutine_is_served_one_depth_below_or_a_deadlock_error(
        self, owner: Owner
    ) -> None:
        async def outer() -> list[int]:
            return list(owner.map(double, range(5)))

        if isinstance(owner.made, LoopManager):
            assert owner.run(outer) == [0, 2, 4, 6, 8]
        else:
            with pytest.raises(DeadlockError):
                owner.run(outer)
            assert list(owner.map(double, range(3))) == [0, 2, 4]

    def test_that_was_cut_off_by_a_close_is_a_clear_error(self, owner: Owner) -> None:
        waiting = Waiting()
        answers = owner.map(waiting, itertools.count(), limit=10)
        assert next(answers) == 0
        owner.made.close()
        assert waiting.began == waiting.unwound
        with pytest.raises(RunnerClosedError, match="Waiting"):
            next(answers)
        assert list(answers) == []

    def test_that_is_cut_off_by_a_close_begins_nothing_more(
        self, owner: Owner, caplog: pytest.LogCaptureFixture
    ) -> None:
        began: list[int] = []

        async def shrug(n: int) -> int:
            began.append(n)
            if n == 0:
                return n
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return n  # so that its place is free for the next one

        answers = owner.map(shrug, itertools.count(), limit=3)
        assert next(answers) == 0
        owner.run(asyncio.sleep, 0.01)
        before = began[:]
        owner.made.close()
        assert began == before
        with contextlib.suppress(RunnerClosedError):
            next(answers)
        assert began == before
        del answers
        gc.collect()
        assert caplog.records == []  # asyncio would tell of a task that was left

    def test_of_a_closed_one_is_refused_by_a_runner_and_begun_anew_by_a_manager(
        self, owner: Owner
    ) -> None:
        assert list(owner.map(double, range(3))) == [0, 2, 4]
        owner.made.close()
        if isinstance(owner.made, LoopManager):
            assert list(owner.map(double, range(3))) == [0, 2, 4]
        else:
            with pytest.raises(RunnerClosedError, match="was not started"):
                list(owner.map(double, range(3)))

    def test_keeps_its_owner_until_it_is_at_its_end(self, owner: Owner) -> None:
        make = type(owner.made)
        options = {"drive": "caller"} if owner.driven else {}
        answers = make(**options).map(double, range(100), limit=3)
        gc.collect()
        assert next(answers) == 0
        gc.collect()
        assert list(answers) == [2 * n for n in range(1, 100)]
        del answers
        gc.collect()

    def test_of_a_sync_twin_is_refused_at_the_door(self, owner: Owner) -> None:
        twin = sideloop.synced(double)
        for refused in (twin, functools.partial(twin)):
            with pytest.raises(TypeError, match=r"sync twin .*double.*double\.aio"):
                owner.map(refused, [1])
        assert list(owner.map(twin.aio, [1])) == [2]

    def test_advanced_by_a_coroutine_on_its_own_loop_is_a_deadlock_error(
        self, owner: Owner
    ) -> None:
        waiting = Waiting()
        answers = owner.map(waiting, itertools.count(), limit=5)
        assert next(answers) == 0

        async def advance() -> None:
            with pytest.raises(DeadlockError, match="Waiting"):
                next(answers)

        owner.run(advance)
        assert list(answers) == []

    def test_of_many_threads_are_not_mixed_up(
        self, owner: Owner, threads: ThreadPoolExecutor
    ) -> None:
        if owner.driven and isinstance(owner.made, Runner):
            pytest.skip("belongs to one thread")

        def total(start: int) -> list[int]:
            return list(owner.map(double, range(start, start + 200), limit=5))

        for start, answers in zip(range(16), threads.map(total, range(16)), strict=True):
            assert answers == [2 * n for n in range(start, start + 200)]


class Client:
    """Has what belongs to one loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()
        self.elsewhere = 0

    async def get(self, n: int) -> int:
        self.elsewhere += asyncio.get_running_loop() is not self.loop
        async with self.lock:
            await asyncio.sleep(0)
        return 2 * n


class TestTheMapOfAClient:
    def test_of_a_process_wide_manager_runs_five_thousand_items_on_the_clients_loop(
        self, threads: ThreadPoolExecutor
    ) -> None:
        with LoopManager(scope="process") as manager:
            client = manager.synced(Client)()
            assert list(manager.map(client.get.aio, range(5000))) == [2 * n for n in range(5000)]
            elsewhere = threads.submit(lambda: list(manager.map(client.get.aio, range(500))))
            assert elsewhere.result(scaled(20)) == [2 * n for n in range(500)]
            assert client.elsewhere == 0
            assert len(manager.runners()) == 1
            with pytest.raises(TypeError, match=r"get\.aio"):
                manager.map(client.get, range(3))

    def test_of_another_manager_is_carried_to_the_clients_loop(self) -> None:
        with LoopManager(scope="process") as manager:
            client = manager.synced(Client)()
            assert list(sideloop.map(client.get.aio, range(100))) == [2 * n for n in range(100)]
            assert client.elsewhere == 0


class TestAThreadThatEnds:
    """Who has begun a map need not be there to take its answers."""

    def test_leaves_its_map_to_others_however_many_runners_are_idle(self) -> None:
        with LoopManager() as manager:
            begun: list[Any] = []
            ready, crowded = threading.Event(), threading.Event()

            def begin() -> None:
                answers = manager.map(double, itertools.count(), limit=2)
                begun.append((next(answers), answers))
                ready.set()
                assert crowded.wait(scaled(20))

            beginning = threading.Thread(target=begin)
            beginning.start()
            assert ready.wait(scaled(20))
            crowd(manager)
            crowded.set()
            beginning.join()
            ((first, answers),) = begun
            assert [first, *itertools.islice(answers, 50)] == [2 * n for n in range(51)]
            answers.close()


def crowd(manager: LoopManager) -> None:
    """Leave as many idle runners behind as a manager keeps."""
    everybody = threading.Barrier(IDLE_LIMIT)

    def call() -> None:
        manager.run_sync(double, 1)
        everybody.wait(scaled(20))

    callers = [threading.Thread(target=call) for _ in range(IDLE_LIMIT)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
