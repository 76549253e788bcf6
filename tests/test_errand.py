"""Errands: sync functions that async code has the caller run, the thread that waits for it."""

import asyncio
import contextvars
import gc
import signal
import socket
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import programs
import pytest
from interpreters import is_gone
from loops import on_another_thread
from pace import scaled
from programs import Program

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, run_on_caller

PATIENCE = 20.0


def new_uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


KINDS: dict[str, dict[str, Any]] = {
    "native": {},
    "foreign": {"loop_factory": asyncio.SelectorEventLoop},
    "uvloop": {"loop_factory": new_uvloop},
    "debug": {"debug": True},
    "driven": {"drive": "caller"},
}

AsyncFn = Callable[[], Awaitable[Any]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def manager(kind: str) -> Generator[LoopManager]:
    """One of each kind of loop, and each drive."""
    manager = LoopManager(grace=2, **KINDS[kind])
    yield manager
    manager.close()


@pytest.fixture
def threaded() -> Generator[LoopManager]:
    """One whose loops have threads."""
    manager = LoopManager(grace=0.5)
    yield manager
    manager.close()


def by_a_call(manager: LoopManager, async_fn: AsyncFn) -> Any:
    return manager.run_sync(async_fn)


def by_a_twin(manager: LoopManager, async_fn: AsyncFn) -> Any:
    async def call() -> Any:
        return await async_fn()

    return manager.synced(call)()


def by_an_iterator(manager: LoopManager, async_fn: AsyncFn) -> Any:
    async def items() -> AsyncGenerator[Any, None]:
        yield 0
        yield await async_fn()

    return list(manager.iterate(items()))[1]


def by_reading_ahead(manager: LoopManager, async_fn: AsyncFn) -> Any:
    async def items() -> AsyncGenerator[Any, None]:
        for _ in range(4):
            yield await async_fn()

    found = []
    for item in manager.iterate(items(), read_ahead=2):
        time.sleep(0.005)  # nobody waits meanwhile
        found.append(item)
    assert len(set(map(id, found))) == 1
    return found[0]


async def items_of(async_fn: AsyncFn) -> AsyncGenerator[Any, None]:
    yield await async_fn()


def by_a_context_manager(manager: LoopManager, async_fn: AsyncFn) -> Any:
    @asynccontextmanager
    async def entered() -> AsyncIterator[Any]:
        found = await async_fn()
        yield found
        assert await async_fn() is found

    with manager.enter(entered()) as found:
        return found


def by_a_map(manager: LoopManager, async_fn: AsyncFn) -> Any:
    async def item(_: int) -> Any:
        return await async_fn()

    found = []
    for answer in manager.map(item, range(6), limit=2):
        time.sleep(0.005)  # nobody waits meanwhile
        found.append(answer)
    assert len(set(map(id, found))) == 1
    return found[0]


def by_copying_the_context_back(manager: LoopManager, async_fn: AsyncFn) -> Any:
    options = {"drive": manager.drive}
    with LoopManager(copy_context_back=True, **options) as other:  # type: ignore[arg-type]
        return other.run_sync(async_fn)


ENTRIES = [
    by_a_call,
    by_a_twin,
    by_an_iterator,
    by_reading_ahead,
    by_a_context_manager,
    by_a_map,
    by_copying_the_context_back,
]


async def who() -> threading.Thread:
    return await run_on_caller(threading.current_thread)


async def in_a_later_step() -> threading.Thread:
    await asyncio.sleep(0.001)
    return await who()


async def in_a_task() -> threading.Thread:
    return await asyncio.create_task(who())


async def in_a_task_of_a_later_step() -> threading.Thread:
    await asyncio.sleep(0)
    return await asyncio.create_task(in_a_task())


async def in_gathered_ones() -> threading.Thread:
    first, second = await asyncio.gather(who(), in_a_later_step())
    assert first is second
    return first


async def within_a_time_limit() -> threading.Thread:
    return await asyncio.wait_for(who(), PATIENCE)


async def in_a_task_that_a_callback_makes() -> threading.Thread:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.Task[threading.Thread]] = loop.create_future()
    loop.call_later(0, lambda: made.set_result(loop.create_task(who())))
    return await (await made)


async def in_a_task_that_a_done_callback_makes() -> threading.Thread:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    made: asyncio.Future[asyncio.Task[threading.Thread]] = loop.create_future()
    done.add_done_callback(lambda _: made.set_result(loop.create_task(who())))
    await asyncio.sleep(0)
    done.set_result(None)
    return await (await made)


async def in_a_task_that_a_reader_makes() -> threading.Thread:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.Task[threading.Thread]] = loop.create_future()
    ours, theirs = socket.socketpair()

    def readable() -> None:
        loop.remove_reader(ours)
        made.set_result(loop.create_task(who()))

    with ours, theirs:
        loop.add_reader(ours, readable)
        await asyncio.sleep(0)
        theirs.send(b"x")
        return await (await made)


async def in_a_task_that_another_thread_makes() -> threading.Thread:
    loop = asyncio.get_running_loop()

    def make() -> threading.Thread:
        return asyncio.run_coroutine_threadsafe(who(), loop).result(PATIENCE)

    return await asyncio.to_thread(make)


async def in_a_task_that_no_loop_has_made() -> threading.Thread:
    return await asyncio.Task(who(), loop=asyncio.get_running_loop())


PLACES = [
    who,
    in_a_later_step,
    in_a_task,
    in_a_task_of_a_later_step,
    in_gathered_ones,
    within_a_time_limit,
    in_a_task_that_a_callback_makes,
    in_a_task_that_a_done_callback_makes,
    in_a_task_that_a_reader_makes,
    in_a_task_that_another_thread_makes,
    in_a_task_that_no_loop_has_made,
]


def refusal(async_fn: AsyncFn) -> Callable[[], Awaitable[str]]:
    """What is said to who asks there for a caller, and there is none."""

    async def ask() -> str:
        with pytest.raises(RuntimeError) as refused:
            await async_fn()
        return str(refused.value)

    return ask


class TestTheThread:
    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("place", PLACES)
    def test_is_that_which_waits(
        self, manager: LoopManager, entry: Callable[..., Any], place: AsyncFn
    ) -> None:
        with sideloop.timeout(PATIENCE):
            assert entry(manager, place) is threading.current_thread()

    def test_is_that_of_each_caller_where_many_share_a_loop(self) -> None:
        with LoopManager(scope="process") as manager:
            wrong: list[str] = []

            def call() -> None:
                here = threading.current_thread()
                found = [(place.__name__, manager.run_sync(place)) for place in PLACES * 3]
                wrong.extend(name for name, thread in found if thread is not here)

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, new_uvloop])
    @pytest.mark.parametrize("place", PLACES)
    def test_is_that_which_waits_for_a_loop_of_somebody_elses(
        self, make: Callable[[], asyncio.AbstractEventLoop], place: AsyncFn
    ) -> None:
        loop = make()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            assert sideloop.run_on(loop, place) is threading.current_thread()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, sideloop.EventLoop])
    @pytest.mark.parametrize("place", PLACES)
    def test_is_that_which_turns_a_loop_that_nobody_runs(
        self, make: Callable[[], asyncio.AbstractEventLoop], place: AsyncFn
    ) -> None:
        def look() -> object:
            return asyncio._get_running_loop()

        async def ask() -> tuple[object, object]:
            return await place(), await run_on_caller(look)

        async def below_another() -> tuple[object, object]:
            found = sideloop.drive(loop, ask)
            assert found[1] is asyncio.get_running_loop()
            return found

        loop = make()
        try:
            assert sideloop.drive(loop, ask) == (threading.current_thread(), None)
            assert asyncio.run(below_another())[0] is threading.current_thread()
        finally:
            loop.close()

    def test_is_that_of_each_call_in_a_context_that_is_kept(self) -> None:
        wrong: list[threading.Thread] = []
        with Runner(context=contextvars.copy_context()) as runner:

            def call() -> None:
                found = {runner.run(in_a_later_step) for _ in range(30)}
                wrong.extend(found - {threading.current_thread()})

            threads = [threading.Thread(target=call) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    def test_is_that_of_a_call_in_a_context_that_was_kept_from_another(self) -> None:
        async def keep() -> contextvars.Context:
            return contextvars.copy_context()

        with Runner(context=sideloop.run_sync(keep)) as runner:
            assert runner.run(in_a_later_step) is threading.current_thread()
            assert next(runner.iterate(items_of(in_a_later_step))) is threading.current_thread()

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks take no context there")
    def test_is_not_that_of_another_call_which_has_put_work_into_a_context(self) -> None:
        session = contextvars.Context()
        waits, go = threading.Event(), threading.Event()

        async def first() -> threading.Thread:
            session.run(asyncio.get_running_loop().call_soon, waits.set)
            found = await in_a_task()
            while not go.is_set():
                await asyncio.sleep(0.001)
            return found

        async def second() -> str:
            said: str = await asyncio.create_task(refusal(who)(), context=session)
            go.set()
            return said

        found: list[threading.Thread] = []
        with Runner() as runner:
            thread = threading.Thread(target=lambda: found.append(runner.run(first)))
            thread.start()
            assert waits.wait(PATIENCE)
            assert "outside of a call" in runner.run(second)
            thread.join()
        assert (found, len(session)) == ([thread], 0)

    def test_is_the_map_s_whatever_else_its_loop_runs(self) -> None:
        asked: list[str] = []
        waits, go = threading.Event(), threading.Event()

        class Proxy:
            """Unbound on any other thread, as those of web frameworks."""

            async def __call__(self) -> None:
                waits.set()
                while not go.is_set():
                    await asyncio.sleep(0.001)

            def __getattr__(self, name: str) -> object:
                asked.append(name)
                raise LookupError(name)

        async def item(_: int) -> threading.Thread:
            await asyncio.sleep(0.01)
            return await who()

        with Runner() as runner:
            thread = threading.Thread(target=lambda: runner.run(Proxy()))
            thread.start()
            assert waits.wait(PATIENCE)
            asked.clear()
            assert list(runner.map(item, range(2))) == [threading.current_thread()] * 2
            assert asked == []
            go.set()
            thread.join()

    def test_is_the_map_s_as_its_items_are_cleaned_up(self, manager: LoopManager) -> None:
        found: list[threading.Thread] = []

        async def item(n: int) -> None:
            try:
                await asyncio.sleep(PATIENCE if n else 0)
            finally:
                found.append(await who())

        with manager.map(item, range(3)) as answers:
            next(answers)
        assert found == [threading.current_thread()] * 3

    def test_is_that_of_the_nearest_call(self, manager: LoopManager) -> None:
        async def outer() -> tuple[threading.Thread, threading.Thread, threading.Thread]:
            mine = await who()
            nested = manager.run_sync(who)
            return mine, nested, threading.current_thread()

        mine, nested, loop_thread = manager.run_sync(outer)
        assert mine is threading.current_thread()
        assert nested is loop_thread

    def test_is_the_map_s_though_that_is_iterated_in_a_call(self, threaded: LoopManager) -> None:
        async def outer() -> tuple[list[threading.Thread], threading.Thread]:
            async def item(_: int) -> threading.Thread:
                return await in_a_task()

            return list(threaded.map(item, range(3))), threading.current_thread()

        found, loop_thread = threaded.run_sync(outer)
        assert found == [loop_thread] * 3

    def test_runs_no_loop_of_ours(self, manager: LoopManager) -> None:
        def running() -> object:
            return asyncio._get_running_loop()

        async def ask() -> object:
            return await run_on_caller(running)

        assert manager.run_sync(ask) is None

    def test_runs_the_loop_that_it_has_run_before(self, manager: LoopManager) -> None:
        async def inside() -> object:
            return await run_on_caller(asyncio.get_running_loop)

        async def main() -> tuple[object, object]:
            found = manager.run_sync(inside)
            await asyncio.sleep(0)
            return found, asyncio.get_running_loop()

        found, own = asyncio.run(main())
        assert found is own


class TestTheFunction:
    def test_gets_its_arguments_and_gives_its_value(self, manager: LoopManager) -> None:
        def join(*args: object, **kwargs: object) -> object:
            return args, kwargs

        async def ask() -> object:
            return await run_on_caller(join, 1, 2, sync_fn=3, timeout=4)

        assert manager.run_sync(ask) == ((1, 2), {"sync_fn": 3, "timeout": 4})

    @pytest.mark.parametrize(
        "error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), OSError()]
    )
    def test_raises_to_who_awaits_it(self, manager: LoopManager, error: BaseException) -> None:
        def fail() -> None:
            raise error

        async def ask() -> BaseException | None:
            try:
                await run_on_caller(fail)
            except BaseException as raised:
                return raised
            return None

        assert manager.run_sync(ask) is error
        assert manager.run_sync(who) is threading.current_thread()

    def test_that_raises_stop_iteration_raises_what_a_coroutine_may(
        self, manager: LoopManager
    ) -> None:
        stop = StopIteration()

        def fail() -> None:
            raise stop

        async def ask() -> None:
            await run_on_caller(fail)

        with pytest.raises(RuntimeError, match="the sync function raised StopIteration") as raised:
            manager.run_sync(ask)
        assert raised.value.__cause__ is stop

    def test_sees_the_variables_of_the_awaiting_task(self, manager: LoopManager) -> None:
        variable = contextvars.ContextVar("variable", default="outside")

        def look() -> str:
            found = variable.get()
            variable.set("by the errand")
            return found

        async def ask() -> tuple[str, str]:
            variable.set("by the task")
            return await run_on_caller(look), variable.get()

        assert manager.run_sync(ask) == ("by the task", "by the task")
        assert variable.get() == "outside"

    def test_is_refused_if_it_is_none(self, manager: LoopManager) -> None:
        async def ask() -> None:
            await run_on_caller(42)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match="expected a sync function, got int"):
            manager.run_sync(ask)

    def test_may_call_what_asks_for_its_caller_in_turn(self, manager: LoopManager) -> None:
        def down(depth: int) -> list[threading.Thread]:
            async def ask() -> list[threading.Thread]:
                mine = await who()
                return [mine, *(await run_on_caller(down, depth - 1))]

            return manager.run_sync(ask) if depth else []

        assert set(down(5)) == {threading.current_thread()}

    def test_may_iterate_a_map_that_asks_for_its_caller(self, threaded: LoopManager) -> None:
        async def item(_: int) -> threading.Thread:
            return await in_a_task()

        def iterate() -> list[threading.Thread]:
            return list(threaded.map(item, range(3)))

        async def ask() -> list[threading.Thread]:
            return await run_on_caller(iterate)

        assert threaded.run_sync(ask) == [threading.current_thread()] * 3

    def test_lets_the_loop_go_on_meanwhile(self, threaded: LoopManager) -> None:
        turned = threading.Event()

        async def ask() -> bool:
            asyncio.get_running_loop().call_later(0.01, turned.set)
            return await run_on_caller(turned.wait, PATIENCE)

        assert threaded.run_sync(ask)

    def test_runs_alone(self, manager: LoopManager) -> None:
        running: list[int] = []

        def note(number: int) -> int:
            running.append(number)
            time.sleep(0.001)
            assert running.pop() == number
            return number

        async def ask() -> list[int]:
            return await asyncio.gather(*(run_on_caller(note, n) for n in range(20)))

        assert manager.run_sync(ask) == list(range(20))

    def test_whose_error_is_looked_at_when_ctrl_c_comes_is_cut_off(
        self, manager: LoopManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(_: BaseException) -> bool:
            raise KeyboardInterrupt

        async def ask() -> None:
            await run_on_caller(int, "no number")

        monkeypatch.setattr("sideloop._base.signals.is_of_a_signal", interrupted)
        with pytest.raises(KeyboardInterrupt):
            manager.run_sync(ask)

    def test_leaves_no_garbage_when_it_fails(self, manager: LoopManager) -> None:
        class Mine:
            pass

        kept: list[weakref.ref[Mine]] = []

        def fail(mine: Mine) -> None:
            raise ValueError

        async def ask() -> None:
            mine = Mine()
            kept.append(weakref.ref(mine))
            with suppress(ValueError):
                await run_on_caller(fail, mine)

        manager.run_sync(ask)
        gc.collect()
        gc.disable()
        try:
            manager.run_sync(ask)
            assert is_gone(kept[-1])
        finally:
            gc.enable()


class TestWhereNobodyWaits:
    def test_outside_of_calls(self) -> None:
        # In a new one: asgiref brings back what it finds in a call, what is ours included.
        said: str = contextvars.Context().run(asyncio.run, refusal(who)())  # type: ignore[arg-type]
        assert "current_thread() was not run, since there is no caller that waits" in said
        assert "outside of a call" in said

    @pytest.mark.parametrize("place", PLACES)
    def test_in_what_was_submitted(self, threaded: LoopManager, place: AsyncFn) -> None:
        said = threaded.submit(refusal(place)).result(PATIENCE)
        assert "no caller that waits" in said

    def test_in_what_a_call_submits(self) -> None:
        with Runner() as runner:

            async def ask() -> str:
                future = runner.submit(refusal(who))
                return await asyncio.wrap_future(future)

            assert "no caller that waits" in runner.run(ask)

    @pytest.mark.parametrize("place", PLACES)
    def test_in_a_task_whose_call_has_ended(self, kind: str, place: AsyncFn) -> None:
        with Runner(**KINDS[kind]) as runner:
            go = asyncio.Event()

            async def later() -> str:
                await go.wait()
                return str(await refusal(place)())

            async def leave() -> "asyncio.Task[str]":
                return asyncio.create_task(later())

            task = runner.run(leave)

            async def look() -> str:
                # Its caller waits, but it is not that of the task.
                go.set()
                return await task

            said = runner.run(look)
        assert "no caller that waits" in said
        assert "has ended" in said

    def test_in_a_call_that_was_left_behind(self, threaded: LoopManager) -> None:
        said: list[str] = []
        go, told = threading.Event(), threading.Event()

        async def stubborn() -> None:
            while not go.is_set():
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            said.append(await refusal(who)())
            told.set()

        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            threaded.run_sync(stubborn)
        go.set()
        assert told.wait(PATIENCE)
        assert "the caller of" in said[0]
        assert "waits no longer" in said[0]

    def test_any_more_when_the_call_has_ended_before_the_errand_was_begun(self) -> None:
        with Runner() as runner:

            async def ask() -> str:
                return str(await refusal(who)())

            async def end() -> "asyncio.Task[str]":
                busy = asyncio.create_task(run_on_caller(time.sleep, 0.05))
                await asyncio.sleep(0.01)
                task = asyncio.create_task(ask())
                await asyncio.sleep(0)
                busy.cancel()
                return task

            task = runner.run(end)

            async def look() -> str:
                return await task

            found = runner.run(look)
        assert "waits no longer" in found or "has ended" in found

    def test_between_two_steps(self, manager: LoopManager) -> None:
        said: list[str] = []

        @asynccontextmanager
        async def entered() -> AsyncIterator[None]:
            asked = asyncio.Event()

            async def ask() -> None:
                await asyncio.sleep(0.01)
                try:
                    await who()
                except RuntimeError as error:
                    said.append(str(error))
                asked.set()

            task = asyncio.create_task(ask())
            yield
            await asked.wait()
            await task

        with manager.enter(entered()):
            time.sleep(0.1)
        if manager.drive == "caller":
            assert said == []  # its loop has not turned between them
        else:
            (text,) = said
            assert "no step runs" in text

    def test_on_another_loop_than_that_of_the_call(self, threaded: LoopManager) -> None:
        async def ask() -> str:
            await asyncio.sleep(0)
            return await asyncio.to_thread(lambda: asyncio.run(refusal(who)()))  # type: ignore[arg-type]

        assert "on another event loop" in threaded.run_sync(ask)

    def test_when_a_map_is_over(self) -> None:
        with Runner() as runner:
            left: list[asyncio.Task[str]] = []
            go = asyncio.Event()

            async def later() -> str:
                await go.wait()
                return str(await refusal(who)())

            async def item(n: int) -> int:
                left.append(asyncio.create_task(later()))
                return n

            assert list(runner.map(item, range(2))) == [0, 1]

            async def look() -> list[str]:
                go.set()
                return await asyncio.gather(*left)

            for said in runner.run(look):
                assert "no caller that waits" in said

    def test_in_a_task_of_a_call_whose_context_is_shared(self) -> None:
        with Runner(context=contextvars.Context()) as runner:
            said = runner.run(refusal(in_a_task))
        assert "Runner(context=...)" in said
        assert "only a call's own task knows its caller" in said

    @pytest.mark.parametrize("place", PLACES)
    def test_in_an_item_that_a_worker_of_an_executor_runs(self, place: AsyncFn) -> None:
        async def item(_: int) -> str:
            return await refusal(place)()

        with ThreadPoolExecutor(2) as executor:
            for said in sideloop.map(item, range(3), executor=executor):
                assert "the caller of a map with an executor waits elsewhere" in said

    def test_in_what_the_caller_runs_and_leaves_behind(self, threaded: LoopManager) -> None:
        go = asyncio.Event()

        async def later() -> str:
            await go.wait()
            return await refusal(who)()

        async def ask() -> str:
            loop = asyncio.get_running_loop()
            left = await run_on_caller(asyncio.run_coroutine_threadsafe, later(), loop)
            go.set()
            return await asyncio.wrap_future(left)

        assert (
            "what the caller runs for a call, or in what that has left behind"
            in threaded.run_sync(ask)
        )


class TestTheFirstOne:
    @pytest.mark.parametrize(
        "entry",
        [
            *("by_a_call", "by_gathered_ones", "by_a_guest", "by_a_driver"),
            *("by_a_map", "by_reading_ahead", "by_a_context_manager"),
        ],
    )
    def test_of_a_process_finds_who_waits_for_what_has_begun(self, entry: str) -> None:
        ended = programs.run("errand_first", entry)
        assert (ended.lines, ended.code) == (["MainThread MainThread"], 0), ended.stderr

    def test_of_a_process_tells_a_task_that_was_made_before(self) -> None:
        ended = programs.run("errand_first", "by_a_child")
        first, second = ended.lines
        assert "made before run_on_caller was first looked up" in first
        assert second == "MainThread"

    def test_is_what_calls_mark_their_contexts_for(self) -> None:
        ended = programs.run("errand_first", "marks")
        after = "['sideloop.inside']"
        assert ended.lines == [f"[[], []] [{after}, {after}]"], ended.stderr


class TestGivingUp:
    def test_before_it_has_begun_takes_it_back(self, manager: LoopManager) -> None:
        ran: list[int] = []

        async def ask() -> list[int]:
            first = asyncio.create_task(run_on_caller(time.sleep, 0.05))
            second = asyncio.create_task(run_on_caller(ran.append, 2))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            await first
            await run_on_caller(ran.append, 3)
            return ran

        assert manager.run_sync(ask) == [3]

    def test_by_closing_the_coroutine_takes_it_back(self, manager: LoopManager) -> None:
        ran: list[int] = []

        async def ask() -> list[int]:
            first = asyncio.create_task(run_on_caller(time.sleep, 0.05))
            await asyncio.sleep(0)
            second = run_on_caller(ran.append, 2)
            second.send(None)
            second.close()
            await first
            await run_on_caller(ran.append, 3)
            return ran

        assert manager.run_sync(ask) == [3]

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, sideloop.EventLoop])
    def test_by_exits_on_a_loop_that_the_caller_turns_tells_who_asks(
        self, make: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        tasks: list[asyncio.Task[str]] = []

        def leave() -> None:
            raise SystemExit

        async def ask() -> None:
            loop = asyncio.get_running_loop()
            tasks.append(loop.create_task(refusal(who)()))
            # One ends the call, the other has the caller give it up, before it comes to the errand.
            loop.call_soon(leave)
            loop.call_soon(leave)
            await asyncio.sleep(PATIENCE)

        loop = make()
        try:
            with pytest.raises(SystemExit):
                sideloop.drive(loop, ask)
            said = loop.run_until_complete(asyncio.wait_for(tasks[0], PATIENCE))
        finally:
            loop.close()
        assert "no caller that waits" in said

    @pytest.mark.parametrize("fails", [False, True])
    def test_after_that_drops_what_comes_of_it(self, threaded: LoopManager, fails: bool) -> None:
        begun, go, ended = threading.Event(), threading.Event(), threading.Event()

        def block() -> None:
            begun.set()
            go.wait(PATIENCE)
            ended.set()
            if fails:
                raise ValueError("dropped")

        async def ask() -> threading.Thread:
            task = asyncio.create_task(run_on_caller(block))
            await asyncio.to_thread(begun.wait, PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not ended.is_set()
            go.set()
            return await who()

        assert threaded.run_sync(ask) is threading.current_thread()
        assert ended.is_set()

    def test_by_a_time_limit_comes_when_the_errand_has_ended(self, manager: LoopManager) -> None:
        async def ask() -> None:
            await run_on_caller(time.sleep, 0.1)
            await asyncio.sleep(PATIENCE)

        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            manager.run_sync(ask)

    def test_lets_what_cleans_up_ask_for_its_caller(self, manager: LoopManager) -> None:
        found: list[threading.Thread] = []

        async def ask() -> None:
            try:
                await asyncio.sleep(PATIENCE)
            finally:
                found.append(await who())

        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.05)):
            manager.run_sync(ask)
        assert found == [threading.current_thread()]

    def test_of_a_limit_ends_the_calls_of_the_errand(self, manager: LoopManager) -> None:
        def call() -> None:
            manager.run_sync(asyncio.sleep, PATIENCE)

        async def ask() -> None:
            await run_on_caller(call)

        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            manager.run_sync(ask)

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, sideloop.EventLoop])
    @pytest.mark.parametrize("turns", range(4))
    def test_as_the_user_stops_a_loop_that_the_caller_turns_fails_the_call(
        self, make: Callable[[], asyncio.AbstractEventLoop], turns: int
    ) -> None:
        async def ask() -> None:
            task = asyncio.create_task(run_on_caller(int))
            for _ in range(turns):
                await asyncio.sleep(0)
            asyncio.get_running_loop().stop()
            await asyncio.sleep(PATIENCE)
            del task

        loop = make()
        try:
            with pytest.raises(sideloop.LoopStoppedError):
                sideloop.drive(loop, ask)
        finally:
            loop.close()

    def test_as_the_loop_is_stopped_fails_the_call(self, manager: LoopManager) -> None:
        async def ask() -> None:
            loop = asyncio.get_running_loop()
            await run_on_caller(loop.call_soon_threadsafe, loop.stop)
            await asyncio.sleep(PATIENCE)

        with pytest.raises(sideloop.LoopStoppedError):
            manager.run_sync(ask)
        assert manager.run_sync(who) is threading.current_thread()


class TestDeadlocks:
    def test_an_errand_may_call_the_loop_that_awaits_it(self, kind: str) -> None:
        if kind == "driven":
            pytest.skip("there that loop stands still")
        with Runner(**KINDS[kind]) as runner:

            async def ask() -> threading.Thread:
                return await run_on_caller(runner.run, who)

            assert runner.run(ask) is threading.current_thread()

    def test_an_errand_that_calls_the_loop_which_its_caller_drives_is_one(self) -> None:
        with Runner(drive="caller") as runner:

            async def ask() -> None:
                await run_on_caller(runner.run, who)

            with pytest.raises(DeadlockError):
                runner.run(ask)

    @pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, sideloop.EventLoop])
    @pytest.mark.parametrize("call", [sideloop.run_on, sideloop.drive])
    def test_an_errand_that_calls_the_loop_which_its_caller_turns_is_one(
        self, make: Callable[[], asyncio.AbstractEventLoop], call: Callable[..., Any]
    ) -> None:
        loop = make()

        async def ask() -> threading.Thread:
            other = asyncio.create_task(who())
            with pytest.raises(DeadlockError):
                await run_on_caller(call, loop, who)
            return await other

        try:
            assert sideloop.drive(loop, ask) is threading.current_thread()
        finally:
            loop.close()

    def test_a_circle_through_an_errand_is_told(self) -> None:
        with Runner() as one, Runner() as other:

            async def inside() -> None:
                # The caller is the thread of `one`, which runs `outside` and waits.
                await run_on_caller(one.run, who)

            async def outside() -> None:
                other.run(inside)

            with pytest.raises(DeadlockError):
                one.run(outside)


class TestAProcess:
    def test_that_forks_in_an_errand_goes_on(self) -> None:
        ended = programs.run("errand", "forks")
        assert (ended.lines, ended.code) == (["child: RuntimeError", "parent: 0"], 0), ended.stderr

    def test_that_exits_in_an_errand_exits(self) -> None:
        ended = programs.run("errand", "exits")
        assert (ended.lines, ended.code) == (["cleaned up"], 3), ended.stderr

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_that_gets_ctrl_c_in_an_errand_gives_it_to_the_caller(self, drive: str) -> None:
        with Program("errand", "interrupted", drive) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            ended = program.finish()
        assert ended.lines == ["cleaned up after CancelledError", "KeyboardInterrupt", "MainThread"]
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_that_gets_a_signal_in_an_errand_has_its_handler_raise_to_the_caller(
        self, drive: str
    ) -> None:
        with Program("errand", "handled", drive) as program:
            program.wait_for("waiting")
            program.send(signal.SIGUSR1)
            ended = program.finish()
        assert ended.lines == ["cleaned up after CancelledError", "LookupError", "MainThread"]
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.parametrize("library", ["gevent", "eventlet"])
    def test_whose_threads_are_greenlets_serves_errands(self, library: str) -> None:
        ended = programs.run("errand_in_hubs", library, "served", flags=("-W", "ignore"))
        assert (ended.lines, ended.code) == (["MainThread", "turned"], 0), ended.stderr

    @pytest.mark.parametrize("library", ["gevent", "eventlet"])
    @pytest.mark.parametrize(
        ("what", "said"),
        [
            # Killed or out of time it stops waiting for its call, as without an errand.
            ("killed", ["waiting", "cancelled", "dead"]),
            ("limited", ["waiting", "cancelled", "True"]),
            # asgiref knows the greenlet that waits.
            ("bridged", ["True", "True"]),
        ],
    )
    def test_whose_threads_are_greenlets_knows_them(
        self, library: str, what: str, said: list[str]
    ) -> None:
        if what == "bridged" and sys.version_info >= (3, 14):
            # An executor's job wakes no loop of its thread, as which a greenlet's counts.
            pytest.skip("asgiref's own bridge waits for ever there, without sideloop too")
        ended = programs.run("errand_in_hubs", library, what, flags=("-W", "ignore"))
        assert (ended.lines, ended.code) == (said, 0), ended.stderr

    def test_whose_threads_are_greenlets_gives_ctrl_c_in_an_errand_to_the_caller(self) -> None:
        with Program("errand_in_hubs", "gevent", "interrupted", flags=("-W", "ignore")) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            ended = program.finish()
        assert (ended.lines, ended.code) == (["cancelled", "KeyboardInterrupt"], 0), ended.stderr

    def test_that_drives_a_loop_and_forks_in_an_errand_drives_it_in_the_child_too(self) -> None:
        ended = programs.run("errand", "forks_where_it_drives")
        assert (sorted(ended.lines), ended.code) == (["child: goes on", "parent: 0"], 0), (
            ended.stderr
        )

    @pytest.mark.parametrize(
        ("what", "count"), [("interrupted_below", 21), ("interrupted_where_it_drives", 5)]
    )
    def test_that_gets_ctrl_c_in_an_errand_lets_whichever_task_awaits_it_clean_up(
        self, what: str, count: int
    ) -> None:
        ended = programs.run("errand", what)
        cleaned = [line for line in ended.lines if line.startswith("cleaned up after")]
        assert len(cleaned) == ended.lines.count("KeyboardInterrupt") == count, ended
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.parametrize("drive", ["thread", "caller", "here"])
    def test_that_gets_ctrl_c_in_an_errand_runs_the_next_for_what_cleans_up(
        self, drive: str
    ) -> None:
        ended = programs.run("errand", "interrupted_before_another", drive)
        assert ended.lines == ["ran", "KeyboardInterrupt"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_that_gets_ctrl_c_in_a_bridge_of_asgirefs_ends_what_that_waits_for(self) -> None:
        with Program("errand", "interrupted_in_asgirefs_bridge") as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            ended = program.finish()
        ends = [line for line in ended.lines if line != "returned"]
        assert (ends, ended.code) == (["unwound", "KeyboardInterrupt"], 0), ended.stderr

    def test_that_gets_ctrl_c_while_it_imports_what_serves_asgiref_gets_it(self) -> None:
        ended = programs.run("errand", "interrupted_while_importing")
        assert ended.lines == ["KeyboardInterrupt", "MainThread", "1"]
        assert (ended.code, ended.stderr) == (0, "")


class TestAHook:
    def test_that_calls_is_a_caller(self, manager: LoopManager) -> None:
        class Base:
            async def run(self) -> bool:
                return await self.step()

            async def step(self) -> bool:
                return False

        class Mine(manager.synced(Base)):  # type: ignore[misc]
            def step(self) -> bool:
                return bool(manager.run_sync(who) is threading.current_thread())

        assert Mine().run()


class TestADatabase:
    def test_that_belongs_to_the_caller_is_used_there(self, manager: LoopManager) -> None:
        connection = sqlite3.connect(":memory:")  # refuses other threads
        connection.execute("create table notes (text)")

        async def note(text: str) -> None:
            await asyncio.sleep(0)
            await run_on_caller(connection.execute, "insert into notes values (?)", (text,))

        async def ask() -> list[Any]:
            await asyncio.gather(*(note(str(n)) for n in range(5)))
            found = await run_on_caller(connection.execute, "select text from notes order by text")
            return await run_on_caller(found.fetchall)

        assert manager.run_sync(ask) == [(str(n),) for n in range(5)]
        connection.close()


def test_a_caller_on_any_thread_is_served(threaded: LoopManager) -> None:
    def call() -> None:
        assert threaded.run_sync(who) is threading.current_thread()

    on_another_thread(call)
