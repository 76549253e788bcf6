"""Iterate: asynchronous generators and iterators, seen from sync code."""

import asyncio
import contextlib
import contextvars
import gc
import inspect
import io
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, RunnerClosedError, SyncGenerator

variable = contextvars.ContextVar("variable", default="default")

needs_timeout = pytest.mark.skipif(sys.version_info < (3, 11), reason="no asyncio.timeout")


@pytest.fixture(params=["thread", "caller"])
def either(request: pytest.FixtureRequest) -> Generator[LoopManager]:
    """Whoever runs the loop."""
    manager = LoopManager(drive=request.param)
    yield manager
    manager.close()


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        if number % 3 == 1:
            await asyncio.sleep(0)
        yield number


class Journal:
    """What an asynchronous generator has done so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def count(self, to: int) -> AsyncGenerator[int, None]:
        try:
            for number in range(to):
                self.lines.append(f"item {number}")
                yield number
        finally:
            await asyncio.sleep(0)
            self.lines.append("closed")

    @property
    def closed(self) -> bool:
        return self.lines[-1:] == ["closed"]


async def echo() -> AsyncGenerator[str, str]:
    answer = "begun"
    while True:
        try:
            await asyncio.sleep(0)
            answer = yield answer
        except KeyError as error:
            answer = f"caught {error}"


def dumped() -> list[str]:
    """The lines of `sideloop.dump`."""
    file = io.StringIO()
    sideloop.dump(file)
    return [line.strip() for line in file.getvalue().splitlines()]


class TestTheItems:
    def test_come_in_order_and_all_of_them(self, manager: LoopManager) -> None:
        assert list(manager.synced(count)(10)) == list(range(10))

    def test_come_from_a_loop_that_the_caller_drives(self, either: LoopManager) -> None:
        assert list(either.synced(count)(100)) == list(range(100))

    def test_come_from_a_runner(self, runner: Runner) -> None:
        assert list(runner.iterate(count(10))) == list(range(10))
        assert list(runner.iterate(count(100), read_ahead=7)) == list(range(100))

    def test_are_none_for_an_empty_generator(self, either: LoopManager) -> None:
        items = either.synced(count)(0)
        assert list(items) == []
        assert list(items) == []

    def test_are_made_no_earlier_than_asked_for(self, either: LoopManager) -> None:
        journal = Journal()
        items = either.iterate(journal.count(5))
        assert journal.lines == []
        assert next(items) == 0
        assert journal.lines == ["item 0"]
        assert next(items) == 1
        assert journal.lines == ["item 0", "item 1"]
        items.close()

    def test_end_with_the_very_exception_that_the_generator_raised(
        self, either: LoopManager
    ) -> None:
        error = KeyError("of the user's")

        async def fail() -> AsyncIterator[int]:
            yield 1
            raise error

        items = either.synced(fail)()
        assert next(items) == 1
        with pytest.raises(KeyError) as raised:
            next(items)
        assert raised.value is error
        assert list(items) == []

    @pytest.mark.parametrize("exiting", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
    def test_end_with_an_exception_that_exits_and_the_loop_goes_on(
        self, either: LoopManager, exiting: type[BaseException]
    ) -> None:
        async def leave() -> AsyncIterator[int]:
            yield 1
            raise exiting

        items = either.synced(leave)()
        assert next(items) == 1
        with pytest.raises(exiting):
            next(items)
        assert list(either.synced(count)(3)) == [0, 1, 2]

    def test_may_be_taken_by_one_thread_after_the_other(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        items = manager.synced(count)(20)
        assert [threads.submit(next, items).result(scaled(20)) for _ in range(20)] == list(
            range(20)
        )

    def test_of_many_threads_do_not_mix(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        results = list(threads.map(lambda _: list(manager.synced(count)(200)), range(16)))
        assert results == [list(range(200))] * 16

    def test_may_be_of_two_generators_in_turns(self, either: LoopManager) -> None:
        twin = either.synced(count)
        assert list(zip(twin(50), twin(50), strict=True)) == [(n, n) for n in range(50)]

    def test_may_be_taken_in_a_coroutine(self, either: LoopManager) -> None:
        async def outer() -> list[int]:
            return list(either.synced(count)(5))

        assert either.run_sync(outer) == list(range(5))

    def test_may_be_asked_for_by_a_generator_that_is_itself_asked(
        self, either: LoopManager
    ) -> None:
        async def squares() -> AsyncIterator[int]:
            for number in either.synced(count)(5):
                yield number * number

        assert list(either.synced(squares)()) == [0, 1, 4, 9, 16]

    def test_keep_their_arguments_honest_at_once(self) -> None:
        with pytest.raises(TypeError, match="argument"):
            sideloop.synced(count)()  # type: ignore[call-arg]


class TestTheTwin:
    def test_looks_like_the_function(self) -> None:
        twin = sideloop.synced(count)
        assert twin.__name__ == "count"
        assert str(inspect.signature(twin)) == "(to: int) -> sideloop.SyncGenerator[int, None]"
        assert twin.aio is count  # type: ignore[attr-defined]

    def test_is_a_method_in_a_class(self) -> None:
        class Pages:
            last = 3

            @sideloop.synced
            async def numbers(self) -> AsyncIterator[int]:
                for number in range(self.last):
                    yield number

        assert list(Pages().numbers()) == [0, 1, 2]

    def test_returns_what_behaves_as_a_generator(self) -> None:
        items = sideloop.synced(count)(3)
        assert isinstance(items, SyncGenerator)
        assert isinstance(items, Generator)
        assert isinstance(items, Iterator)
        assert iter(items) is items
        assert "count" in repr(items)


class TestSend:
    def test_is_what_the_yield_returns(self, either: LoopManager) -> None:
        items = either.synced(echo)()
        assert next(items) == "begun"
        assert items.send("one") == "one"
        assert items.send("two") == "two"
        items.close()

    def test_of_a_value_before_the_first_item_is_refused_and_nothing_is_lost(
        self, either: LoopManager
    ) -> None:
        items = either.synced(echo)()
        with pytest.raises(TypeError, match="has not begun"):
            items.send("too early")
        assert next(items) == "begun"
        items.close()

    def test_to_a_generator_that_ends_stops_the_iteration(self, either: LoopManager) -> None:
        items = either.synced(count)(1)
        assert next(items) == 0
        with pytest.raises(StopIteration):
            items.send(None)

    def test_of_a_value_to_a_generator_that_ends_stops_the_iteration(
        self, either: LoopManager
    ) -> None:
        items = either.synced(count)(1)
        assert next(items) == 0
        with pytest.raises(StopIteration):
            items.send("the last one")
        with pytest.raises(StopIteration):
            items.send("too late")


class TestAnErrorThatMeansTheEnd:
    """To somebody: where it is raised by what is iterated, it is no end of that."""

    @pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, GeneratorExit])
    @pytest.mark.parametrize("way", ["next", "send", "throw", "read ahead"])
    def test_comes_out_as_plain_async_code_gets_it(
        self, either: LoopManager, kind: type[BaseException], way: str
    ) -> None:
        async def fail() -> AsyncGenerator[int, str]:
            with contextlib.suppress(KeyError):
                yield 1
            raise error

        async def plain() -> None:
            async for _ in fail():
                pass

        def take() -> None:
            if way == "read ahead":
                for _ in either.iterate(fail(), read_ahead=1):
                    pass
            items = either.iterate(fail())
            next(items)
            if way == "next":
                for _ in items:
                    pass
            elif way == "send":
                items.send("word")
            else:
                items.throw(KeyError())

        error = kind("the one")
        with pytest.raises((RuntimeError, GeneratorExit)) as expected:
            asyncio.run(plain())
        with pytest.raises(type(expected.value)) as raised:
            take()
        assert str(raised.value) == str(expected.value)
        assert error in (raised.value, raised.value.__cause__)

    @pytest.mark.parametrize("how", ["coroutine", "function"])
    def test_is_none_of_an_object_that_means_another_one(
        self, either: LoopManager, how: str
    ) -> None:
        class Failing:
            def __aiter__(self) -> "Failing":
                return self

            def __anext__(self) -> Any:
                if how == "function":
                    raise StopIteration
                return self.fail()

            async def fail(self) -> None:
                raise StopIteration

        for items in (either.iterate(Failing()), either.synced(Failing)()):
            with pytest.raises(RuntimeError, match="raised StopIteration"):
                list(items)


class TestThrow:
    def test_raises_at_the_yield(self, either: LoopManager) -> None:
        items = either.synced(echo)()
        next(items)
        assert items.throw(KeyError("thrown")) == "caught 'thrown'"
        assert items.throw(KeyError) == "caught "
        assert items.throw(KeyError, "with a value") == "caught 'with a value'"
        items.close()

    def test_comes_back_out_of_a_generator_that_does_not_catch_it(
        self, either: LoopManager
    ) -> None:
        journal, error = Journal(), ValueError("thrown")
        items = either.iterate(journal.count(5))
        next(items)
        with pytest.raises(ValueError, match="thrown") as raised:
            items.throw(error)
        assert raised.value is error
        assert journal.closed
        with pytest.raises(ValueError, match="again"):
            items.throw(ValueError("again"))

    def test_before_the_first_item_ends_the_generator(self, either: LoopManager) -> None:
        items = either.synced(count)(5)
        with pytest.raises(ValueError, match="thrown"):
            items.throw(ValueError("thrown"))
        assert list(items) == []

    @pytest.mark.parametrize("where", ["new", "begun", "over"])
    def test_leaves_no_garbage(self, either: LoopManager, where: str) -> None:
        def throw() -> None:
            items = either.iterate(count(5))
            if where == "begun":
                next(items)
            if where == "over":
                items.close()
            with contextlib.suppress(ValueError):
                items.throw(ValueError("thrown"))

        for _ in range(5):
            throw()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                throw()
            # What one step in flight may hold, not what fifty have left.
            assert gc.collect() < 50
        finally:
            gc.enable()


class TestClosing:
    def test_has_the_generator_clean_up_and_waits(self, either: LoopManager) -> None:
        journal = Journal()
        items = either.iterate(journal.count(5))
        next(items)
        items.close()
        assert journal.closed
        items.close()
        assert list(items) == []

    def test_before_the_first_item_runs_nothing(self, either: LoopManager) -> None:
        journal = Journal()
        items = either.iterate(journal.count(5))
        items.close()
        assert list(items) == []
        assert journal.lines == []

    def test_comes_with_leaving_a_with_block(self, either: LoopManager) -> None:
        journal = Journal()
        with either.iterate(journal.count(5)) as items:
            assert next(items) == 0
        assert journal.closed

    def test_comes_soon_after_a_break(self, either: LoopManager, wait_until: WaitUntil) -> None:
        journal = Journal()
        for number in either.iterate(journal.count(5)):
            if number == 2:
                break
        wait_until(lambda: journal.closed)
        assert journal.lines == ["item 0", "item 1", "item 2", "closed"]

    def test_comes_soon_after_an_exception_in_the_loops_body(
        self, either: LoopManager, wait_until: WaitUntil
    ) -> None:
        journal = Journal()

        def fail() -> None:
            for _ in either.iterate(journal.count(5)):
                raise ValueError("in the body")

        with pytest.raises(ValueError, match="in the body"):
            fail()
        wait_until(lambda: journal.closed)

    def test_comes_soon_after_the_collection_of_a_cycle(
        self, either: LoopManager, wait_until: WaitUntil
    ) -> None:
        class Holder:
            pass

        journal, holder = Journal(), Holder()
        holder.items = either.iterate(journal.count(5))  # type: ignore[attr-defined]
        holder.holder = holder  # type: ignore[attr-defined]
        next(holder.items)  # type: ignore[attr-defined]
        del holder
        gc.collect()
        wait_until(lambda: journal.closed)

    def test_by_the_runner_cleans_up_and_the_next_step_says_so(self) -> None:
        journal = Journal()
        with Runner(name="closing") as runner:
            items = runner.iterate(journal.count(5))
            next(items)
        assert journal.closed
        with pytest.raises(RunnerClosedError, match=r"'closing' is closed.*was cancelled before"):
            next(items)
        assert list(items) == []

    def test_by_the_runner_lets_the_rest_close_quietly(self) -> None:
        with Runner() as runner:
            items = runner.iterate(count(5))
            next(items)
        items.close()

    def test_passes_on_what_the_clean_up_raises(self, either: LoopManager) -> None:
        async def fail_at_the_end() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                raise KeyError("while closing")

        items = either.synced(fail_at_the_end)()
        next(items)
        with pytest.raises(KeyError, match="while closing"):
            items.close()

    def test_that_nobody_waits_for_reports_what_the_clean_up_raises(
        self, wait_until: WaitUntil
    ) -> None:
        reported: list[object] = []

        async def fail_at_the_end() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                raise KeyError("while closing")

        with Runner(exception_handler=lambda _, about: reported.append(about["exception"])) as one:
            for _ in one.iterate(fail_at_the_end()):
                break
            wait_until(lambda: reported)
        assert [str(error) for error in reported] == ["'while closing'"]

    def test_leaves_no_task_behind(self, manager: LoopManager, wait_until: WaitUntil) -> None:
        async def tasks() -> int:
            return len(asyncio.all_tasks()) - 1

        for _ in range(20):
            list(manager.synced(count)(3))
            for _ in manager.synced(count)(3):
                break
            with manager.synced(count)(3) as items:
                next(items)
        wait_until(lambda: manager.run_sync(tasks) == 0)


class TestOneTask:
    def test_and_one_context_run_all_steps(self, either: LoopManager) -> None:
        async def tasks() -> AsyncIterator[tuple[object, str]]:
            variable.set("the generator's")
            while True:
                yield asyncio.current_task(), variable.get()
                await asyncio.sleep(0)

        with either.synced(tasks)() as items:
            assert len({next(items) for _ in range(5)}) == 1
            assert next(items)[1] == "the generator's"
        assert variable.get() == "default"

    def test_sees_the_context_of_the_first_steps_caller(self, either: LoopManager) -> None:
        async def look() -> AsyncIterator[str]:
            yield variable.get()
            yield variable.get()

        items = either.synced(look)()
        token = variable.set("the caller's")
        try:
            assert next(items) == "the caller's"
        finally:
            variable.reset(token)
        assert next(items) == "the caller's"
        items.close()

    def test_bears_the_name_of_the_function(self, manager: LoopManager) -> None:
        async def look() -> AsyncIterator[str]:
            yield repr(asyncio.current_task())

        with manager.synced(look)() as items:
            assert "look" in next(items)

    def test_is_shown_where_it_stands(self, either: LoopManager) -> None:
        async def standing() -> AsyncIterator[int]:
            yield 1
            yield 2

        with either.synced(standing)() as items:
            next(items)
            assert "yield 1" in dumped()
            next(items)
            assert "yield 2" in dumped()

    def test_is_shown_with_what_it_awaits(self, manager: LoopManager) -> None:
        shown: list[list[str]] = []

        async def inner() -> None:
            asyncio.get_running_loop().call_soon(lambda: shown.append(dumped()))
            await asyncio.sleep(0.01)

        async def standing() -> AsyncIterator[int]:
            await inner()
            yield 1

        assert list(manager.synced(standing)()) == [1]
        [lines] = shown
        assert lines.index("await inner()") < lines.index("await asyncio.sleep(0.01)")

    @needs_timeout
    def test_keeps_a_time_limit_from_one_item_to_the_next(self, either: LoopManager) -> None:
        async def limited() -> AsyncIterator[int]:
            async with asyncio.timeout(0.05):
                yield 1
                await asyncio.sleep(60)
                yield 2

        items = either.synced(limited)()
        assert next(items) == 1
        with pytest.raises(TimeoutError):
            next(items)
        assert list(items) == []

    @needs_timeout
    def test_sees_a_time_limit_that_is_over_between_two_items(
        self, manager: LoopManager, wait_until: WaitUntil
    ) -> None:
        seen: list[str] = []

        async def limited() -> AsyncIterator[int]:
            try:
                async with asyncio.timeout(0.01):
                    yield 1
                    yield 2
            except TimeoutError:
                seen.append("timeout")
                yield 3
            yield 4

        items = manager.synced(limited)()
        assert next(items) == 1
        wait_until(lambda: seen)
        assert list(items) == [3, 4]

    @needs_timeout
    def test_keeps_one_that_has_ended_in_time(self, either: LoopManager) -> None:
        async def limited() -> AsyncIterator[int]:
            async with asyncio.timeout(0.05):
                yield 1
            yield 2

        items = either.synced(limited)()
        assert next(items) == 1
        assert next(items) == 2
        time.sleep(0.06)
        assert list(items) == []

    def test_may_cancel_itself_between_two_items(
        self, either: LoopManager, wait_until: WaitUntil
    ) -> None:
        seen: list[tuple[object, ...]] = []

        async def cancel_itself() -> AsyncIterator[int]:
            task = asyncio.current_task()
            assert task is not None
            yield 0
            task.cancel("by itself")
            try:
                yield 1
            except asyncio.CancelledError as error:
                seen.append(error.args)
                yield 2

        items = either.synced(cancel_itself)()
        assert [next(items), next(items)] == [0, 1]
        either.run_sync(asyncio.sleep, 0)
        wait_until(lambda: seen)
        assert list(items) == [2]
        assert seen == [("by itself",)]

    def test_may_cancel_itself_and_then_wait(self, either: LoopManager) -> None:
        waited: list[asyncio.Future[None]] = []

        async def cancel_itself() -> AsyncIterator[int]:
            task = asyncio.current_task()
            assert task is not None
            yield 0
            task.cancel()
            waited.append(asyncio.get_running_loop().create_future())
            try:
                await waited[0]
            except asyncio.CancelledError:
                yield 1

        assert list(either.synced(cancel_itself)()) == [0, 1]
        assert waited[0].cancelled()

    def test_keeps_a_cancel_scope_of_anyio(self, either: LoopManager) -> None:
        async def scoped() -> AsyncIterator[str]:
            with anyio.CancelScope() as scope:
                yield "inside"
                scope.cancel()
                await anyio.sleep(60)
            yield f"cancelled: {scope.cancelled_caught}"

        assert list(either.synced(scoped)()) == ["inside", "cancelled: True"]

    def test_keeps_a_task_group_of_anyio(self, manager: LoopManager) -> None:
        async def grouped() -> AsyncIterator[int]:
            send, receive = anyio.create_memory_object_stream[int](0)
            async with anyio.create_task_group() as group, send, receive:
                for number in range(3):
                    group.start_soon(send.send, number)
                for _ in range(3):
                    yield await receive.receive()

        assert sorted(manager.synced(grouped)()) == [0, 1, 2]


class TestALimit:
    def test_ends_a_step_and_the_generator_unwinds(self, either: LoopManager) -> None:
        journal = Journal()

        async def slow() -> AsyncIterator[int]:
            async for number in journal.count(5):
                yield number
                await asyncio.sleep(60)

        items = either.synced(slow)()
        with sideloop.timeout(20):
            assert next(items) == 0
        missed = pytest.raises(TimeoutError, match=r"slow\(\) did not end within 0.05 s")
        with missed, sideloop.timeout(0.05):
            next(items)
        assert list(items) == []

    def test_of_the_first_step_is_not_that_of_calls_in_later_ones(
        self, either: LoopManager
    ) -> None:
        async def nesting() -> AsyncIterator[str]:
            while True:
                yield either.run_sync(asyncio.sleep, 0, result="slept")

        with either.synced(nesting)() as items:
            seconds = scaled(0.2)
            with sideloop.timeout(seconds):
                assert next(items) == "slept"
            time.sleep(seconds)
            assert next(items) == "slept"

    def test_that_is_over_does_not_keep_it_from_closing(self, either: LoopManager) -> None:
        journal = Journal()
        items = either.iterate(journal.count(5))
        next(items)
        with sideloop.timeout(0):
            items.close()
        assert journal.closed

    def test_leaves_a_generator_behind_that_will_not_stop(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        go_on = threading.Event()

        async def stubborn() -> AsyncIterator[int]:
            yield 0
            while not go_on.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue
            yield 1

        with Runner(grace=0.05) as runner:
            items = runner.iterate(stubborn())
            assert next(items) == 0
            with pytest.raises(TimeoutError), sideloop.timeout(0.05):
                next(items)
            assert "was left behind" in caplog.text
            with pytest.raises(RuntimeError, match="was left behind still runs"):
                next(items)
            go_on.set()


class TestTwoThreadsAtOnce:
    def test_is_a_clear_error_for_the_second(
        self, manager: LoopManager, threads: ThreadPoolExecutor
    ) -> None:
        begun, go_on = threading.Event(), threading.Event()

        async def wait() -> AsyncIterator[str]:
            begun.set()
            go_on.wait(scaled(20))
            yield "first"
            yield "second"

        items = manager.synced(wait)()
        first = threads.submit(next, items)
        assert begun.wait(scaled(20))
        with pytest.raises(ValueError, match=r"wait\(\) is running a step already"):
            next(items)
        with pytest.raises(ValueError, match=r"wait\(\) is running a step already"):
            items.close()
        go_on.set()
        assert first.result(scaled(20)) == "first"
        assert list(items) == ["second"]

    def test_on_the_loop_thread_itself_is_a_deadlock_error(self, runner: Runner) -> None:
        items = runner.iterate(count(3))
        assert next(items) == 0

        async def take() -> int:
            return next(items)

        with pytest.raises(DeadlockError, match="tested"):
            runner.run(take)
        assert list(items) == [1, 2]

    def test_with_a_loop_that_another_thread_drives_is_refused(
        self, threads: ThreadPoolExecutor
    ) -> None:
        with Runner(drive="caller") as runner:
            items = runner.iterate(count(3))
            assert next(items) == 0
            with pytest.raises(RuntimeError, match="driven by the thread that made its first call"):
                threads.submit(next, items).result(scaled(20))
            assert list(items) == [1, 2]


class TestReadAhead:
    def test_brings_the_same_items(self, either: LoopManager) -> None:
        for read_ahead in (1, 2, 3, 64, 1000):
            assert list(either.iterate(count(200), read_ahead=read_ahead)) == list(range(200))

    def test_goes_as_far_as_asked_and_no_further(self, wait_until: WaitUntil) -> None:
        journal = Journal()
        with Runner() as runner, runner.iterate(journal.count(100), read_ahead=5) as items:
            assert next(items) == 0
            wait_until(lambda: len(journal.lines) == 6)
            runner.run(asyncio.sleep, 0.01)
            assert len(journal.lines) == 6
            for number in range(1, 50):
                assert next(items) == number
                assert len(journal.lines) <= number + 6
        assert journal.closed

    def test_brings_the_items_before_an_error_and_then_the_error(self, either: LoopManager) -> None:
        async def fail() -> AsyncIterator[int]:
            yield 1
            yield 2
            raise KeyError("third")

        items = either.iterate(fail(), read_ahead=10)
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(KeyError, match="third"):
            next(items)
        assert list(items) == []

    def test_closes_a_generator_that_is_waiting_for_its_next_item(
        self, either: LoopManager
    ) -> None:
        closed: list[bool] = []

        async def wait() -> AsyncIterator[int]:
            try:
                yield 1
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                closed.append(True)

        with either.iterate(wait(), read_ahead=5) as items:
            assert next(items) == 1
        assert closed == [True]

    def test_takes_nothing_that_is_sent_or_thrown(self, manager: LoopManager) -> None:
        with manager.iterate(echo(), read_ahead=2) as items:
            assert next(items) == "begun"
            with pytest.raises(TypeError, match="reads ahead"):
                items.send("one")
            with pytest.raises(TypeError, match="reads ahead"):
                items.throw(KeyError)

    def test_of_less_than_none_is_refused(self, manager: LoopManager) -> None:
        with pytest.raises(ValueError, match="not negative: -1"):
            manager.iterate(count(3), read_ahead=-1)


class Pages:
    """An asynchronous iterable of the older kind."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.number = 0

    def __aiter__(self) -> "Pages":
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        if self.number == self.last:
            raise StopAsyncIteration
        self.number += 1
        return self.number


class TestAnObject:
    def test_that_is_an_asynchronous_iterator_can_be_iterated(self, either: LoopManager) -> None:
        pages = Pages(3)
        items = either.iterate(pages)
        assert next(items) == 1
        items.close()
        assert list(either.iterate(pages)) == [2, 3]

    def test_whose_aiter_is_a_generator_is_closed(self, either: LoopManager) -> None:
        journal = Journal()

        class Iterable:
            def __aiter__(self) -> AsyncIterator[int]:
                return journal.count(5)

        with either.iterate(Iterable()) as items:
            assert next(items) == 0
        assert journal.closed

    def test_that_cannot_be_iterated_is_refused(self, either: LoopManager) -> None:
        with pytest.raises(TypeError, match="expected what `async for` can iterate, got list"):
            either.iterate([1, 2, 3])  # type: ignore[arg-type]

    def test_has_awaitable_properties_which_run_sync_takes(self, either: LoopManager) -> None:
        class Client:
            @property
            async def name(self) -> str:
                await asyncio.sleep(0)
                return "its name"

        client = Client()
        assert either.run_sync(lambda: client.name) == "its name"
