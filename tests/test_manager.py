"""The manager: which runner serves a caller, at which nesting depth."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, NestingError, Runner
from sideloop._manager.home import Home
from sideloop._manager.runners import Runners

T = TypeVar("T")

SCOPES: list[Literal["thread", "process"]] = ["thread", "process"]
every_scope = pytest.mark.parametrize("scope", SCOPES)


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def on_a_thread(sync_fn: Callable[[], T], name: str | None = None) -> T:
    """Call it on a new thread, which ends before this returns."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(sync_fn()), name=name)
    thread.start()
    thread.join()
    return found[0]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


class TestScopeThread:
    def test_serves_one_thread_with_one_loop(self, manager: LoopManager) -> None:
        assert len({manager.run_sync(running_loop) for _ in range(10)}) == 1

    def test_serves_each_thread_with_a_loop_of_its_own(self, manager: LoopManager) -> None:
        together = threading.Barrier(8)

        def call() -> asyncio.AbstractEventLoop:
            together.wait(scaled(20))
            loop = manager.run_sync(running_loop)
            together.wait(scaled(20))  # all threads live until all have called
            return loop

        with ThreadPoolExecutor(8) as threads:
            calls = [threads.submit(call) for _ in range(8)]
            assert len({call.result(scaled(20)) for call in calls}) == 8

    def test_goes_by_the_thread_and_not_by_its_name(self, manager: LoopManager) -> None:
        together = threading.Barrier(2)
        loops: list[asyncio.AbstractEventLoop] = []

        def call() -> None:
            together.wait(scaled(20))
            loops.append(manager.run_sync(running_loop))
            together.wait(scaled(20))

        namesakes = [threading.Thread(target=call, name="namesake") for _ in range(2)]
        for thread in namesakes:
            thread.start()
        for thread in namesakes:
            thread.join()
        assert loops[0] is not loops[1]

    def test_keeps_the_loop_of_a_thread_that_is_renamed(self, manager: LoopManager) -> None:
        def call() -> bool:
            before = manager.run_sync(running_loop)
            threading.current_thread().name = "renamed"
            return manager.run_sync(running_loop) is before

        assert on_a_thread(call, name="first")

    def test_gives_the_runner_of_a_thread_that_ended_to_the_next_one(
        self, manager: LoopManager
    ) -> None:
        loops = {on_a_thread(lambda: manager.run_sync(running_loop)) for _ in range(10)}
        assert len(loops) == 1
        assert len(manager.runners()) == 1

    def test_shares_no_loop_with_a_thread_whose_recycled_id_this_one_has(
        self, manager: LoopManager
    ) -> None:
        def call() -> tuple[int, asyncio.AbstractEventLoop]:
            return threading.get_ident(), manager.run_sync(running_loop)

        dead, loop = on_a_thread(call)
        # It goes to the next one who has none, and that is this thread.
        assert manager.run_sync(running_loop) is loop
        for _ in range(100):
            ident, other = on_a_thread(call)
            assert other is not loop
            if ident == dead:
                break
        else:
            pytest.skip("the system does not recycle ids")
        assert manager.run_sync(running_loop) is loop

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_reclaims_what_threads_got_in_their_last_steps(
        self, drive: Literal["thread", "caller"], wait_until: WaitUntil
    ) -> None:
        class CallingAtLast:
            def __del__(self) -> None:
                answers.append(manager.run_sync(add, 10, b=12))

        def work() -> None:
            local.value = CallingAtLast()

        manager, local, answers = LoopManager(drive=drive), threading.local(), list[int]()
        other = LoopManager()
        files = open_files()
        for _ in range(20):
            on_a_thread(work)
        assert answers == [22] * 20
        # The next thread's first call finds what those have left: few, since it takes some time
        # until a thread's last steps are over.
        wait_until(
            lambda: (
                on_a_thread(lambda: manager.run_sync(add, 10, b=12)) == 22
                and len(manager.runners()) < 10
            )
        )
        manager.close()
        # A thread whose very last step is not over then has a driven loop still. Any manager takes
        # it back.
        wait_until(lambda: other.close() or open_files() <= files)

    def test_serves_a_thread_that_threading_does_not_know(self, manager: LoopManager) -> None:
        import _thread

        done = threading.Event()
        found: list[int] = []

        def call() -> None:
            found.append(manager.run_sync(add, 10, b=12))
            done.set()

        _thread.start_new_thread(call, ())
        assert done.wait(scaled(20))
        assert found == [22]


class TestScopeProcess:
    def test_serves_all_threads_with_one_loop(self, loop_factory: LoopFactory | None) -> None:
        manager = LoopManager(scope="process", loop_factory=loop_factory)
        loops = {on_a_thread(lambda: manager.run_sync(running_loop)) for _ in range(5)}
        loops.add(manager.run_sync(running_loop))
        assert len(loops) == 1
        manager.close()

    def test_makes_one_loop_when_many_threads_call_first_at_once(
        self, loop_factory: LoopFactory | None, threads: ThreadPoolExecutor
    ) -> None:
        manager = LoopManager(scope="process", loop_factory=loop_factory)
        together = threading.Barrier(16)

        def call() -> asyncio.AbstractEventLoop:
            together.wait(scaled(20))
            return manager.run_sync(running_loop)

        calls = [threads.submit(call) for _ in range(16)]
        assert len({call.result(scaled(20)) for call in calls}) == 1
        assert len(manager.runners()) == 1
        manager.close()

    def test_takes_a_nested_call_to_another_loop(self, loop_factory: LoopFactory | None) -> None:
        manager = LoopManager(scope="process", loop_factory=loop_factory)

        async def outer() -> bool:
            return manager.run_sync(running_loop) is not asyncio.get_running_loop()

        assert manager.run_sync(outer)
        manager.close()

    def test_lets_calls_of_two_threads_meet_on_the_loop(
        self, loop_factory: LoopFactory | None, threads: ThreadPoolExecutor
    ) -> None:
        manager = LoopManager(scope="process", loop_factory=loop_factory)
        gates: list[asyncio.Event] = []
        made = threading.Event()

        async def wait() -> str:
            gates.append(asyncio.Event())
            made.set()
            await gates[0].wait()
            return "met"

        async def open_gate() -> None:
            gates[0].set()

        waiting = threads.submit(manager.run_sync, wait)
        assert made.wait(scaled(20))
        manager.run_sync(open_gate)
        assert waiting.result(scaled(20)) == "met"
        manager.close()


@every_scope
class TestManyCalls:
    def test_from_sixteen_threads_get_the_right_answers(
        self, loop_factory: LoopFactory | None, scope: Literal["thread", "process"]
    ) -> None:
        manager = LoopManager(scope=scope, loop_factory=loop_factory)

        def call(thread: int) -> list[int]:
            return [manager.run_sync(add, 1000 * thread, b=number) for number in range(500)]

        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(call, range(16)))
        assert answers == [[1000 * thread + n for n in range(500)] for thread in range(16)]
        manager.close()

    @pytest.mark.usefixtures("no_thread_left")
    def test_of_three_hundred_short_threads_leave_nothing(
        self, loop_factory: LoopFactory | None, scope: Literal["thread", "process"]
    ) -> None:
        manager = LoopManager(scope=scope, loop_factory=loop_factory)
        before = open_files()
        on_a_thread(lambda: manager.run_sync(add, 1, 1))
        threads, files = threading.active_count(), open_files()
        for number in range(300):
            assert on_a_thread(lambda number=number: manager.run_sync(add, number, 1)) == number + 1
        assert threading.active_count() == threads
        assert open_files() == files
        manager.close()
        gc.collect()
        assert open_files() == before

    @pytest.mark.usefixtures("no_thread_left")
    def test_of_sixty_four_threads_at_once_do_not_add_up(
        self,
        loop_factory: LoopFactory | None,
        scope: Literal["thread", "process"],
        wait_until: WaitUntil,
    ) -> None:
        manager = LoopManager(scope=scope, loop_factory=loop_factory)
        before, files = threading.active_count(), open_files()

        def burst() -> None:
            together = threading.Barrier(64)

            def call() -> None:
                together.wait(scaled(20))
                assert manager.run_sync(add, 10, b=12) == 22
                together.wait(scaled(20))

            with ThreadPoolExecutor(64) as threads:
                for called in [threads.submit(call) for _ in range(64)]:
                    called.result(scaled(20))

        for _ in range(3):
            burst()
            # A few are kept for threads to come; the rest end by themselves.
            wait_until(lambda: threading.active_count() <= before + 16)
        assert len(manager.runners()) <= 16
        manager.close()
        wait_until(lambda: threading.active_count() == before)
        gc.collect()
        assert open_files() <= files


class TestMoreThreadsThanRunners:
    LIMIT = 4

    @pytest.fixture(autouse=True)
    def limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sideloop._manager.runners.RUNNER_LIMIT", self.LIMIT)

    def test_share_them_and_get_their_answers(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        together = threading.Barrier(16)

        async def echo(number: int) -> int:
            await asyncio.sleep(0)
            return number

        def call(number: int) -> list[int]:
            together.wait(scaled(20))
            answers = [manager.run_sync(echo, number) for _ in range(50)]
            together.wait(scaled(20))
            return answers

        answers = list(threads.map(call, range(16)))
        assert answers == [[number] * 50 for number in range(16)]
        assert len(manager.runners()) == self.LIMIT

    def test_share_them_also_while_more_are_made(self) -> None:
        """Each thread may be stopped between the look at how many there are and the next one."""
        runners, made = Runners(), []

        def make() -> Runner:
            made.append(Runner())
            others.append(runners.for_thread(0, make))
            return made[-1]

        others: list[tuple[Home, bool]] = []
        kept = [runners.for_thread(0, Runner) for _ in range(self.LIMIT - 1)]
        kept.append(runners.for_thread(0, make))
        ((_, is_own),) = others
        assert (len(made), is_own) == (1, False)
        assert len(runners.started) == self.LIMIT

    def test_share_them_at_each_depth(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        together = threading.Barrier(16)

        async def nested(depth: int) -> int:
            return manager.run_sync(nested, depth - 1) + 1 if depth else 0

        def call(_: int) -> int:
            together.wait(scaled(20))
            return manager.run_sync(nested, 10)

        assert list(threads.map(call, range(16))) == [10] * 16

    def test_get_their_own_again_when_some_have_ended(self, manager: LoopManager) -> None:
        loops: list[asyncio.AbstractEventLoop] = []

        def call() -> None:
            loops.append(manager.run_sync(running_loop))

        for _ in range(3 * self.LIMIT):
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()
        assert len({id(loop) for loop in loops}) == 1


class TestNestedCalls:
    def test_a_hundred_deep_work_and_all_see_the_callers_context(
        self, manager: LoopManager
    ) -> None:
        variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")
        seen: list[object] = []
        loops: list[asyncio.AbstractEventLoop] = []

        async def level(number: int) -> int:
            await asyncio.sleep(0)
            seen.append(variable.get())
            loops.append(asyncio.get_running_loop())
            if number == 0:
                return 0
            if number % 2:
                return 1 + manager.run_sync(level, number - 1)
            return 1 + twin(number - 1)

        twin = manager.synced(level)
        witness = object()
        variable.set(witness)
        assert manager.run_sync(level, 99) == 99
        assert seen == [witness] * 100
        assert len(set(loops)) == 100

        threads = threading.active_count()
        assert manager.run_sync(level, 99) == 99
        assert len(set(loops)) == 100  # no more than one loop for each depth
        assert threading.active_count() == threads

    def test_beyond_the_limit_are_an_error_that_names_the_call(self, manager: LoopManager) -> None:
        deepest = 0

        async def bottomless(depth: int) -> None:
            nonlocal deepest
            deepest = depth
            manager.run_sync(bottomless, depth + 1)

        with pytest.raises(NestingError, match=r"bottomless\(\)") as raised:
            manager.run_sync(bottomless, 1)
        assert isinstance(raised.value, RecursionError)
        assert deepest == 128
        for runner in manager.runners()[:2]:  # the chain, from its outer end
            assert runner.name in str(raised.value)
        assert manager.run_sync(add, 10, b=12) == 22

    def test_at_once_in_one_loop_each_get_their_answer(self, manager: LoopManager) -> None:
        async def nested(number: int) -> int:
            await asyncio.sleep(0)
            return manager.run_sync(add, number, 1)

        async def outer() -> list[int]:
            return await asyncio.gather(*(nested(number) for number in range(100)))

        assert manager.run_sync(outer) == [number + 1 for number in range(100)]

    def test_from_an_executor_thread_inside_a_coroutine_work(self, manager: LoopManager) -> None:
        async def outer() -> list[int]:
            loop = asyncio.get_running_loop()
            inner = functools.partial(manager.run_sync, add, 10, b=12)
            return [await loop.run_in_executor(None, inner), await asyncio.to_thread(inner)]

        assert manager.run_sync(outer) == [22, 22]

    def test_and_executor_threads_in_turn_work_twenty_deep(self, manager: LoopManager) -> None:
        async def level(number: int) -> int:
            if number == 0:
                return 0
            return 1 + await asyncio.to_thread(manager.run_sync, level, number - 1)

        assert manager.run_sync(level, 20) == 20

    def test_through_two_managers_work(
        self, manager: LoopManager, loop_factory: LoopFactory | None
    ) -> None:
        other = LoopManager(scope="process", loop_factory=loop_factory)

        async def ping(number: int) -> int:
            return 0 if number == 0 else 1 + other.run_sync(pong, number - 1)

        async def pong(number: int) -> int:
            return 0 if number == 0 else 1 + manager.run_sync(ping, number - 1)

        assert manager.run_sync(ping, 20) == 20
        other.close()

    def test_leave_the_outer_loop_current(self, manager: LoopManager) -> None:
        async def outer() -> bool:
            before, task = asyncio.get_running_loop(), asyncio.current_task()
            manager.run_sync(add, 1, 1)
            return asyncio.get_running_loop() is before and asyncio.current_task() is task

        assert manager.run_sync(outer)

    @every_scope
    def test_by_a_finalizer_that_the_collector_runs_on_the_loop_thread_work(
        self, loop_factory: LoopFactory | None, scope: Literal["thread", "process"]
    ) -> None:
        manager = LoopManager(scope=scope, loop_factory=loop_factory)
        found: list[int] = []

        class Closing:
            def __init__(self) -> None:
                self.myself = self

            def __del__(self) -> None:
                found.append(manager.run_sync(add, 10, b=12))

        async def collect() -> None:
            Closing()
            gc.collect()

        manager.run_sync(collect)
        assert found == [22]
        manager.close()


class TestUnderARunningLoop:
    """The caller's own thread runs a loop already, as in a notebook."""

    def test_a_call_works(self, manager: LoopManager) -> None:
        async def main() -> int:
            return manager.run_sync(add, 10, b=12)

        assert asyncio.run(main()) == 22

    def test_the_callers_loop_and_task_stay_the_current_ones(self, manager: LoopManager) -> None:
        async def main() -> bool:
            before, task = asyncio.get_running_loop(), asyncio.current_task()
            other = manager.run_sync(running_loop)
            assert other is not before
            return asyncio.get_running_loop() is before and asyncio.current_task() is task

        assert asyncio.run(main())

    def test_calls_from_many_tasks_get_their_answers(self, manager: LoopManager) -> None:
        async def call(number: int) -> int:
            await asyncio.sleep(0)
            return manager.run_sync(add, number, 1)

        async def main() -> list[int]:
            return await asyncio.gather(*(call(number) for number in range(50)))

        assert asyncio.run(main()) == [number + 1 for number in range(50)]

    def test_a_call_that_schedules_on_the_callers_loop_works(self, manager: LoopManager) -> None:
        async def main() -> str:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[str] = loop.create_future()

            async def tell() -> None:
                loop.call_soon_threadsafe(future.set_result, "told")

            manager.run_sync(tell)
            return await future

        assert asyncio.run(main()) == "told"


class TestContext:
    def test_is_copied_in(self, manager: LoopManager) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

        async def look() -> str:
            await asyncio.sleep(0)
            return variable.get()

        variable.set("caller's")
        assert manager.run_sync(look) == "caller's"
        assert contextvars.Context().run(manager.run_sync, look) == "none"
        variable.set("changed")
        assert manager.run_sync(look) == "changed"

    def test_is_there_when_a_plain_function_is_called(self, manager: LoopManager) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        seen: list[str] = []

        def look() -> Any:
            seen.append(variable.get())
            return add(10, 12)

        variable.set("caller's")
        assert manager.run_sync(look) == 22
        assert seen == ["caller's"]

    def test_is_there_in_an_awaitable_that_is_no_coroutine(self, manager: LoopManager) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        class Custom:
            def __await__(self) -> Generator[Any, None, str]:
                yield from asyncio.sleep(0).__await__()
                return variable.get()

        variable.set("caller's")
        assert manager.run_sync(Custom) == "caller's"

    def test_changes_do_not_come_out(self, manager: LoopManager) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        async def change() -> None:
            variable.set("coroutine's")
            await asyncio.sleep(0)
            assert variable.get() == "coroutine's"

        variable.set("caller's")
        manager.run_sync(change)
        assert variable.get() == "caller's"

    def test_changes_do_not_come_into_the_next_call(self, manager: LoopManager) -> None:
        variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

        async def count() -> int:
            variable.set(variable.get() + 1)
            return variable.get()

        assert [manager.run_sync(count) for _ in range(3)] == [1, 1, 1]


class TestSynced:
    def test_calls_through_the_manager(self, manager: LoopManager) -> None:
        assert manager.synced(add)(10, b=12) == 22

    def test_looks_like_the_original(self, manager: LoopManager) -> None:
        async def original(a: int, *, b: str = "b") -> float:
            """What it does."""
            return 0.0

        twin = manager.synced(original)
        assert twin.__name__ == "original"
        assert twin.__qualname__ == original.__qualname__
        assert twin.__module__ == __name__
        assert twin.__doc__ == "What it does."
        assert twin.aio is original  # type: ignore[attr-defined]
        assert twin.__annotations__ == original.__annotations__
        assert inspect.signature(twin) == inspect.signature(original)
        assert not inspect.iscoroutinefunction(twin)

    def test_in_a_class_body_is_a_method(self, manager: LoopManager) -> None:
        class Account:
            rate = 2

            def __init__(self, balance: int) -> None:
                self.balance = balance

            @manager.synced
            async def deposit(self, amount: int, *, times: int = 1) -> int:
                self.balance += amount * times
                return self.balance

            @classmethod
            @manager.synced
            async def interest(cls, amount: int) -> int:
                return amount * cls.rate

            @staticmethod
            @manager.synced
            async def add(a: int, b: int) -> int:
                return a + b

        class Savings(Account):
            rate = 3

        account = Savings(1)
        assert account.deposit(10, times=2) == 21
        assert Account.deposit(account, 1) == 22
        assert account.interest(7) == 21
        assert Savings.add(10, b=12) == 22

    def test_takes_a_partial_and_a_callable_object(self, manager: LoopManager) -> None:
        class Adder:
            async def __call__(self, a: int, b: int) -> int:
                return a + b

        assert manager.synced(functools.partial(add, 10))(b=12) == 22
        assert manager.synced(Adder())(10, 12) == 22

    def test_works_as_an_argument_of_map_and_in_threads(self, manager: LoopManager) -> None:
        twin = manager.synced(add)
        assert list(map(twin, range(5), range(5))) == [0, 2, 4, 6, 8]
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(twin, range(5), range(5))) == [0, 2, 4, 6, 8]


class TestKeywordArguments:
    def test_are_all_the_functions_own(self, manager: LoopManager) -> None:
        async def give(**kwargs: object) -> dict[str, object]:
            return kwargs

        kwargs: dict[str, object] = {"self": 1, "async_fn": 2, "sync_fn": 3, "func": 4, "loop": 5}
        kwargs |= {"timeout": 6, "grace": 7, "deadline": 8, "context": 9, "name": 10, "scope": 11}
        kwargs |= {"args": 12, "kwargs": 13, "runner": 14, "manager": 15, "task": 16, "call": 17}
        assert manager.run_sync(give, **kwargs) == kwargs
        assert manager.synced(give)(**kwargs) == kwargs

    def test_and_positional_ones_come_as_they_are(self, manager: LoopManager) -> None:
        async def give(*args: object, **kwargs: object) -> object:
            return args, kwargs

        values = [object() for _ in range(20)]
        assert manager.run_sync(give) == ((), {})
        assert manager.run_sync(give, *values) == (tuple(values), {})
        assert manager.run_sync(give, None, **{"not a name": 1}) == ((None,), {"not a name": 1})


class TestClose:
    @pytest.mark.parametrize("grace", [None, 0.5])
    def test_gives_all_runners_one_grace_at_the_same_time(
        self, caplog: pytest.LogCaptureFixture, grace: float | None
    ) -> None:
        over, begun = threading.Event(), threading.Barrier(7)
        kept: list[object] = []

        async def stubborn() -> None:
            while not over.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)

        async def leave() -> None:
            kept.append(asyncio.create_task(stubborn()))
            await asyncio.sleep(0)

        def work() -> None:
            manager.run_sync(leave)
            begun.wait(scaled(20))
            over.wait(scaled(20))

        manager = LoopManager(grace=0.5 if grace is None else 60)
        workers = [threading.Thread(target=work) for _ in range(6)]
        for worker in workers:
            worker.start()
        begun.wait(scaled(20))
        begin = time.monotonic()
        with caplog.at_level(logging.WARNING, "sideloop"):
            manager.close(grace)
        assert 0.4 < time.monotonic() - begin < 2
        over.set()
        for worker in workers:
            worker.join()
        assert len(caplog.records) == 6

    def test_tells_once_of_a_loop_that_is_stuck(self, caplog: pytest.LogCaptureFixture) -> None:
        release, blocking = threading.Event(), threading.Event()

        async def block() -> None:
            blocking.set()
            release.wait(scaled(20))

        runner = sideloop.Runner(grace=0.1)
        future = runner.submit(block)
        assert blocking.wait(scaled(20))
        with caplog.at_level(logging.WARNING, "sideloop"):
            runner.close()
            begin = time.monotonic()
            runner.close()
            assert time.monotonic() - begin < 0.5
        assert len(caplog.records) == 1
        release.set()
        assert future.result(scaled(20)) is None or future.exception(scaled(20))

    @pytest.mark.usefixtures("no_thread_left")
    def test_ends_the_threads(self, loop_factory: LoopFactory | None) -> None:
        manager = LoopManager(loop_factory=loop_factory)
        loop = manager.run_sync(running_loop)
        manager.close()
        assert loop.is_closed()
        assert manager.runners() == []

    def test_leaves_the_manager_usable(self, manager: LoopManager) -> None:
        for _ in range(3):
            assert manager.run_sync(add, 10, b=12) == 22
            manager.close()
        assert manager.run_sync(add, 10, b=12) == 22

    def test_twice_and_before_the_first_call_is_allowed(self, manager: LoopManager) -> None:
        manager.close()
        manager.run_sync(add, 1, 1)
        manager.close()
        manager.close()

    @pytest.mark.usefixtures("no_thread_left")
    def test_closes_nested_and_other_threads_runners_too(
        self, loop_factory: LoopFactory | None
    ) -> None:
        manager = LoopManager(loop_factory=loop_factory)

        async def nested() -> int:
            return manager.run_sync(add, 1, 1)

        with ThreadPoolExecutor(2) as threads:
            threads.submit(manager.run_sync, nested).result(scaled(20))
            manager.run_sync(nested)
            manager.close()
            assert manager.runners() == []
            # A thread that called before calls again.
            assert threads.submit(manager.run_sync, nested).result(scaled(20)) == 2
            manager.close()

    def test_while_others_call_leaves_nobody_waiting(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        enough = threading.Event()

        def call_once() -> None:
            with contextlib.suppress(sideloop.RunnerClosedError):
                assert manager.run_sync(add, 10, b=12) == 22

        def call() -> None:
            while not enough.is_set():
                call_once()

        calling = [threads.submit(call) for _ in range(4)]
        for _ in range(20):
            manager.close()
        enough.set()
        for one in calling:
            one.result(scaled(20))


class TestTheManager:
    @pytest.mark.usefixtures("no_thread_left")
    def test_starts_nothing_before_the_first_call(self) -> None:
        threads = threading.active_count()
        manager = LoopManager()
        manager.synced(add)
        assert manager.runners() == []
        assert threading.active_count() == threads

    def test_shares_no_loop_with_another(
        self, manager: LoopManager, loop_factory: LoopFactory | None
    ) -> None:
        other = LoopManager(loop_factory=loop_factory)
        assert manager.run_sync(running_loop) is not other.run_sync(running_loop)
        other.close()

    def test_makes_its_loops_with_the_loop_factory(self) -> None:
        class Loop(asyncio.SelectorEventLoop):
            pass

        manager = LoopManager(loop_factory=Loop)

        async def nested() -> tuple[type, type]:
            return type(asyncio.get_running_loop()), type(manager.run_sync(running_loop))

        assert manager.run_sync(nested) == (Loop, Loop)
        manager.close()

    def test_uses_a_loop_of_asyncios_own_kind_by_default(self) -> None:
        manager = LoopManager()
        assert isinstance(manager.run_sync(running_loop), asyncio.SelectorEventLoop)
        manager.close()

    def test_sets_the_exception_handler(self, loop_factory: LoopFactory | None) -> None:
        def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            pass

        manager = LoopManager(exception_handler=handler, loop_factory=loop_factory)
        assert manager.run_sync(running_loop).get_exception_handler() is handler
        manager.close()

    def test_changes_no_global_loop_or_policy(
        self, manager: LoopManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: object) -> None:
            raise AssertionError("a global was written")

        monkeypatch.setattr(asyncio, "set_event_loop_policy", refuse)
        monkeypatch.setattr(asyncio.events, "set_event_loop_policy", refuse)
        assert manager.run_sync(add, 10, b=12) == 22
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    @pytest.mark.parametrize("scope", ["", "Thread", None, 1])
    def test_refuses_a_scope_that_is_none(self, scope: Any) -> None:
        with pytest.raises(ValueError, match="scope is 'thread' or 'process'"):
            LoopManager(scope=scope)

    @pytest.mark.parametrize("grace", [-1, -0.001, float("nan"), float("-inf")])
    def test_refuses_a_grace_that_is_none(self, grace: float) -> None:
        with pytest.raises(ValueError, match="grace"):
            LoopManager(grace=grace)

    def test_has_a_default_that_the_functions_use(self) -> None:
        assert sideloop.run_sync == sideloop.loop_manager.run_sync
        assert sideloop.synced == sideloop.loop_manager.synced
        assert sideloop.synced(add)(10, b=12) == 22

    def test_runs_debug_mode(self, manager: LoopManager) -> None:
        async def enable() -> None:
            asyncio.get_running_loop().set_debug(True)

        manager.run_sync(enable)
        assert manager.run_sync(add, 10, b=12) == 22


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestEverythingAsyncioDoes:
    """The loop is asyncio's: what needs the selector, executors or child processes works on it."""

    def test_sockets_and_streams_work(self, manager: LoopManager) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        async def talk() -> bytes:
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            said = await reader.readline()
            writer.close()
            await writer.wait_closed()
            server.close()
            return said

        assert [manager.run_sync(talk) for _ in range(3)] == [b"hello\n"] * 3

    def test_a_connection_lives_from_one_call_to_the_next(self, manager: LoopManager) -> None:
        hung_up = threading.Event()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line)
            writer.close()
            await writer.wait_closed()
            hung_up.set()

        async def connect() -> Any:
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            return server, *await asyncio.open_connection(*server.sockets[0].getsockname())

        server, reader, writer = manager.run_sync(connect)
        for number in range(20):
            writer_line = b"%d\n" % number

            async def say(line: bytes = writer_line) -> bytes:
                writer.write(line)
                return await reader.readline()

            assert manager.run_sync(say) == writer_line

        async def disconnect() -> None:
            writer.close()
            await writer.wait_closed()
            server.close()
            while not hung_up.is_set():
                await asyncio.sleep(0.001)

        manager.run_sync(disconnect)

    def test_many_files_that_are_ready_at_once_are_all_served(self, manager: LoopManager) -> None:
        async def talk() -> int:
            loop = asyncio.get_running_loop()
            pipes = [os.pipe() for _ in range(200)]
            heard: set[int] = set()
            done = loop.create_future()

            def hear(fd: int) -> None:
                os.read(fd, 1)
                heard.add(fd)
                if len(heard) == len(pipes):
                    done.set_result(None)

            for reader, _ in pipes:
                loop.add_reader(reader, hear, reader)
            for _, writer in pipes:
                os.write(writer, b"x")
            await done
            for reader, writer in pipes:
                loop.remove_reader(reader)
                os.close(reader)
                os.close(writer)
            return len(heard)

        assert manager.run_sync(talk) == 200

    def test_a_file_can_be_watched_for_reading_and_writing(self, manager: LoopManager) -> None:
        import socket

        async def talk() -> bytes:
            loop = asyncio.get_running_loop()
            near, far = socket.socketpair()
            with near, far:
                near.setblocking(False)
                far.setblocking(False)
                big = b"x" * 1_000_000
                sending = asyncio.ensure_future(loop.sock_sendall(near, big))
                heard = b""
                while len(heard) < len(big):
                    heard += await loop.sock_recv(far, 65536)
                await sending
                return heard[-1:]

        assert manager.run_sync(talk) == b"x"

    def test_child_processes_work(self, manager: LoopManager) -> None:
        async def shell() -> tuple[int | None, bytes]:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "print('child')", stdout=asyncio.subprocess.PIPE
            )
            said, _ = await child.communicate()
            return child.returncode, said

        assert manager.run_sync(shell) == (0, b"child\n")

    def test_timers_fire_in_order_and_not_before_their_time(self, manager: LoopManager) -> None:
        async def sleep_sort(numbers: list[int]) -> list[int]:
            loop = asyncio.get_running_loop()
            woken: list[int] = []

            async def sleep(number: int) -> None:
                start = loop.time()
                await asyncio.sleep(number / 100)
                assert loop.time() - start >= number / 100 - 0.002
                woken.append(number)

            await asyncio.gather(*map(sleep, numbers))
            return woken

        assert manager.run_sync(sleep_sort, [5, 1, 9, 3, 7]) == [1, 3, 5, 7, 9]


class TestPickle:
    def test_has_all_options(self) -> None:
        options: dict[str, Any] = {
            "name": "sent",
            "scope": "process",
            "drive": "thread",
            "loop_factory": asyncio.new_event_loop,
            "debug": True,
            "exception_handler": print,
            "grace": 1.5,
            "slow_call_warning": 7.0,
            "copy_context_back": True,
            "task_name": "fetch",
        }
        data = pickle.dumps(LoopManager(**options))
        gc.collect()  # so that it is made anew, as in another process
        again = pickle.loads(data)
        _, (_, make) = again.__reduce__()
        assert make.keywords == options
        assert again.run_sync(asyncio.sleep, 0, 42) == 42
        again.close()
