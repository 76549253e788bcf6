"""asgiref's thread-sensitive code in calls of sideloop's: it runs on the caller's thread."""

import asyncio
import contextlib
import contextvars
import functools
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)

import sideloop
from sideloop import LoopManager, Runner
from sideloop.compat import asgiref as drop_in

PATIENCE = 20.0


@pytest.fixture(scope="session")
def sideloop_kept_managers() -> list[LoopManager]:
    return [sideloop.loop_manager, drop_in._manager]


@pytest.fixture(params=["native", "foreign", "driven"])
def manager(request: pytest.FixtureRequest) -> Generator[LoopManager]:
    options: dict[str, Any] = {
        "native": {},
        "foreign": {"loop_factory": asyncio.SelectorEventLoop},
        "driven": {"drive": "caller"},
    }
    manager = LoopManager(grace=1, **options[request.param])
    yield manager
    manager.close()


@pytest.fixture(autouse=True)
def limit() -> Generator[None]:
    with sideloop.timeout(PATIENCE):
        yield


async def where() -> threading.Thread:
    return await sync_to_async(threading.current_thread, thread_sensitive=True)()


async def make_event() -> asyncio.Event:
    return asyncio.Event()


async def in_a_task() -> threading.Thread:
    return await asyncio.create_task(where())


async def in_a_later_step() -> threading.Thread:
    await asyncio.sleep(0.001)
    return await where()


async def twice() -> threading.Thread:
    first = await where()
    assert await in_a_task() is first
    return first


async def in_a_task_that_a_done_callback_makes() -> threading.Thread:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    made: asyncio.Future[asyncio.Task[threading.Thread]] = loop.create_future()
    done.add_done_callback(lambda _: made.set_result(loop.create_task(where())))
    loop.call_later(0.001, done.set_result, None)
    return await (await made)


async def in_a_task_after_work_in_a_context_of_its_own() -> threading.Thread:
    contextvars.Context().run(asyncio.get_running_loop().call_soon, int)
    return await in_a_task()


PLACES = [
    where,
    in_a_task,
    in_a_later_step,
    twice,
    in_a_task_that_a_done_callback_makes,
    in_a_task_after_work_in_a_context_of_its_own,
]


class TestThreadSensitiveCode:
    @pytest.mark.parametrize("place", PLACES)
    def test_runs_on_the_callers_thread(
        self, manager: LoopManager, place: Callable[[], Awaitable[threading.Thread]]
    ) -> None:
        assert manager.run_sync(place) is threading.current_thread()

    def test_leaves_no_note_of_its_loop_on_the_thread(self, manager: LoopManager) -> None:
        noted: Any = SyncToAsync.threadlocal

        async def ask() -> dict[str, Any]:
            return await sync_to_async(lambda: dict(noted.__dict__))()

        def call() -> tuple[dict[str, Any], dict[str, Any]]:
            noted.kept = 1
            return manager.run_sync(ask), dict(noted.__dict__)

        # On a thread that has none yet.
        with ThreadPoolExecutor(1) as threads:
            inside, after = threads.submit(call).result(PATIENCE)
        assert set(inside) > {"kept"}
        assert after == {"kept": 1}

    def test_of_a_step_runs_there(self, manager: LoopManager) -> None:
        async def items() -> AsyncGenerator[threading.Thread, None]:
            for _ in range(3):
                yield await twice()

        assert list(manager.iterate(items())) == [threading.current_thread()] * 3

    def test_of_a_map_s_item_runs_there(self, manager: LoopManager) -> None:
        async def item(_: int) -> threading.Thread:
            return await twice()

        assert list(manager.map(item, range(5), limit=2)) == [threading.current_thread()] * 5

    def test_raises_to_who_awaits_it(self, manager: LoopManager) -> None:
        error = ValueError()

        def fail() -> None:
            raise error

        with pytest.raises(ValueError) as raised:  # noqa: PT011  # the very same
            manager.run_sync(sync_to_async(fail))
        assert raised.value is error

    def test_that_is_not_sensitive_runs_elsewhere(self, manager: LoopManager) -> None:
        async def elsewhere() -> threading.Thread:
            return await sync_to_async(threading.current_thread, thread_sensitive=False)()

        assert manager.run_sync(elsewhere) is not threading.current_thread()

    def test_of_a_submitted_call_runs_where_asgiref_has_it(self) -> None:
        with Runner() as runner:
            found = runner.submit(where).result(PATIENCE)
        assert found is not threading.current_thread()
        assert found is async_to_sync(alone)()

    def test_of_many_callers_of_one_loop_runs_with_each(self) -> None:
        wrong: list[object] = []
        with LoopManager(scope="process") as manager:

            def call() -> None:
                found = {manager.run_sync(twice) for _ in range(20)}
                wrong.extend(found - {threading.current_thread()})

            threads = [threading.Thread(target=call) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    def test_that_is_cancelled_before_it_has_begun_does_not_run(self, manager: LoopManager) -> None:
        if manager.drive == "caller":
            pytest.skip("asgiref takes it back in the next turn, and the caller runs it before")
        ran: list[int] = []
        go = threading.Event()

        async def ask() -> None:
            busy = asyncio.create_task(sync_to_async(go.wait)(PATIENCE))
            task = asyncio.create_task(sync_to_async(ran.append)(1))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            go.set()
            assert await busy

        manager.run_sync(ask)
        assert ran == []
        assert manager.run_sync(where) is threading.current_thread()

    def test_sees_the_transaction_of_the_caller(self, manager: LoopManager) -> None:
        """As Django has it: a connection for each thread, and what is not committed seen by it."""
        connections = threading.local()

        def connection() -> sqlite3.Connection:
            if not hasattr(connections, "own"):
                connections.own = sqlite3.connect("file:errand?mode=memory&cache=shared", uri=True)
            made: sqlite3.Connection = connections.own
            return made

        def forbid_in_a_loop(sql: str, *args: object) -> list[Any]:
            with pytest.raises(RuntimeError):  # as django.utils.asyncio.async_unsafe
                asyncio.get_running_loop()
            return connection().execute(sql, args).fetchall()

        execute = sync_to_async(forbid_in_a_loop)

        async def view() -> list[Any]:
            await execute("insert into notes values (?)", "from async code")
            return await execute("select text from notes order by text")

        connection().execute("create table notes (text)")
        connection().commit()
        connection().execute("insert into notes values ('before')")
        found = manager.run_sync(view)
        connection().rollback()
        left = connection().execute("select * from notes").fetchall()
        connection().execute("drop table notes")
        connection().close()
        assert (found, left) == ([("before",), ("from async code",)], [])


async def alone() -> threading.Thread:
    """Where asgiref has it, outside of all bridges."""
    found: threading.Thread = await asyncio.to_thread(
        lambda: asyncio.run(sync_to_async(threading.current_thread)())
    )
    return found


class TestNesting:
    def test_asgirefs_bridge_in_a_function_that_the_caller_runs(self, manager: LoopManager) -> None:
        def bridge() -> threading.Thread:
            return async_to_sync(in_a_later_step)()

        async def ask() -> threading.Thread:
            return await sync_to_async(bridge)()

        here = threading.current_thread()
        assert manager.run_sync(ask) is here
        # asgiref has forgotten the loop, which may stand still by now.
        assert async_to_sync(in_a_later_step)() is here

    def test_a_call_in_a_function_that_the_caller_runs(self, manager: LoopManager) -> None:
        def call() -> threading.Thread:
            return manager.run_sync(twice)

        async def ask() -> tuple[threading.Thread, threading.Thread]:
            return await sync_to_async(call)(), await twice()

        assert manager.run_sync(ask) == (threading.current_thread(), threading.current_thread())

    @pytest.mark.parametrize("place", [twice, in_a_task])
    def test_a_context_that_asgiref_gives_back(
        self, manager: LoopManager, place: Callable[[], Awaitable[threading.Thread]]
    ) -> None:
        async def inside() -> threading.Thread:
            await sync_to_async(len, thread_sensitive=False)("")
            return await place()

        def call() -> bool:
            return manager.run_sync(inside) is threading.current_thread()

        async def outer() -> tuple[bool, bool]:
            await asyncio.sleep(0)
            return call(), await sync_to_async(call)()

        assert manager.run_sync(outer) == (True, True)

    def test_a_call_under_asgirefs_bridge(self, manager: LoopManager) -> None:
        def call() -> threading.Thread:
            return manager.run_sync(twice)

        async def main() -> threading.Thread:
            return await sync_to_async(call)()

        assert async_to_sync(main)() is threading.current_thread()

    def test_a_call_in_a_thread_sensitive_context(self, manager: LoopManager) -> None:
        """As of a sync view under ASGI: the only thread of its executor waits for the call."""

        def call() -> bool:
            return manager.run_sync(twice) is threading.current_thread()

        async def main() -> bool:
            async with ThreadSensitiveContext():
                return await sync_to_async(call)()

        assert asyncio.run(main())

    def test_a_map_and_an_iterator_under_asgirefs_bridge_wait_for_their_caller(
        self, manager: LoopManager
    ) -> None:
        """It is asgiref's own caller that has gone to use an answer, and waits for no code then."""

        async def item(_: object) -> threading.Thread:
            await where()
            await asyncio.sleep(0.01)
            return await where()

        async def items() -> AsyncGenerator[threading.Thread, None]:
            for n in range(4):
                yield await item(n)

        def use(answers: Iterable[threading.Thread]) -> set[threading.Thread]:
            found = set()
            for answer in answers:
                time.sleep(0.03)  # nobody waits meanwhile
                found.add(answer)
            return found

        def call() -> set[threading.Thread]:
            mapped = use(manager.map(item, range(6), limit=2))
            return mapped | use(manager.iterate(items(), read_ahead=2))

        async def main() -> set[threading.Thread]:
            found: set[threading.Thread] = await sync_to_async(call)()
            return found

        assert async_to_sync(main)() == {threading.current_thread()}

    def test_a_thread_that_waits_in_asgiref_is_nearer_than_a_map_s_caller(self) -> None:
        """Also while that one uses an answer, and nobody waits for the map."""
        used, ended = threading.Event(), threading.Event()
        found: list[object] = []

        def bridge() -> None:
            assert used.wait(PATIENCE)
            found.extend([async_to_sync(in_a_later_step)(), threading.current_thread()])
            ended.set()

        async def item(n: int) -> None:
            if n:
                begun.set()
                await sync_to_async(bridge, thread_sensitive=False)()
            else:
                await begun.wait()

        with LoopManager() as manager:
            begun = manager.run_sync(make_event)
            answers = manager.map(item, range(2), limit=2)
            next(answers)
            used.set()
            assert ended.wait(PATIENCE)
            assert list(answers) == [None]
        assert found[0] is found[1] is not threading.current_thread()

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="its asgiref has none of these")
    def test_an_executor_that_a_block_names_is_used_there(self, manager: LoopManager) -> None:
        with ThreadPoolExecutor(1) as executor:

            async def ask() -> tuple[threading.Thread, threading.Thread]:
                async with ThreadSensitiveContext(executor=executor):
                    inside = await where()
                return inside, await where()

            inside, after = manager.run_sync(ask)
            assert inside is executor.submit(threading.current_thread).result()
        assert after is threading.current_thread()

    def test_who_waits_in_such_a_function_is_not_asked_again(self, manager: LoopManager) -> None:
        async def again() -> str:
            with pytest.raises(RuntimeError) as refused:
                await sideloop.run_on_caller(threading.current_thread)
            return str(refused.value)

        async def ask() -> str:
            return await sync_to_async(async_to_sync(again))()

        assert "no caller that waits" in manager.run_sync(ask)


class TestTheDropIn:
    """The loops of `async_to_sync` are ours then, and who waits for them waits in asgiref."""

    @pytest.fixture(autouse=True)
    def installed(self) -> Generator[None]:
        with drop_in.installed():
            yield

    def test_in_a_function_that_the_caller_runs(self, manager: LoopManager) -> None:
        async def ask() -> threading.Thread:
            return await sync_to_async(async_to_sync(in_a_later_step))()

        assert manager.run_sync(ask) is threading.current_thread()
        assert async_to_sync(in_a_later_step)() is threading.current_thread()

    def test_around_a_call(self, manager: LoopManager) -> None:
        async def main() -> threading.Thread:
            return await sync_to_async(manager.run_sync)(twice)

        assert async_to_sync(main)() is threading.current_thread()

    def test_in_turn_with_calls(self, manager: LoopManager) -> None:
        async def nested(depth: int) -> threading.Thread:
            if not depth:
                return await where()
            call = manager.run_sync if depth % 2 else async_to_sync
            below = functools.partial(nested, depth - 1)
            return await sync_to_async(lambda: run(call, below))()

        def run(call: Any, below: Callable[[], Awaitable[threading.Thread]]) -> threading.Thread:
            found: threading.Thread
            found = call(below) if call is not async_to_sync else async_to_sync(bridged(below))()
            return found

        def bridged(below: Callable[[], Awaitable[threading.Thread]]) -> Any:
            async def call() -> threading.Thread:
                return await below()

            return call

        assert manager.run_sync(nested, 5) is threading.current_thread()
        assert async_to_sync(where)() is threading.current_thread()

    def test_below_another_bridge_that_makes_a_loop_of_its_own(self) -> None:
        async def nested(depth: int) -> threading.Thread:
            if not depth:
                return await where()
            bridge = AsyncToSync(nested, force_new_loop=True)
            return await sync_to_async(bridge)(depth - 1)

        assert async_to_sync(nested)(3) is threading.current_thread()

    def test_has_no_caller_of_sideloop_s(self) -> None:
        async def ask() -> str:
            with pytest.raises(RuntimeError) as refused:
                await sideloop.run_on_caller(threading.current_thread)
            return str(refused.value)

        assert "no caller that waits" in async_to_sync(ask)()


class TestTheImport:
    def test_of_sideloop_does_not_import_it(self) -> None:
        program = (
            "import sys, sideloop, asyncio\n"
            "sideloop.run_sync(asyncio.sleep, 0)\n"
            "print('asgiref' in sys.modules, 'sideloop._runners.thread_sensitive' in sys.modules)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert ended.stdout == "False False\n"

    def test_of_asgiref_counts_from_the_next_call(self) -> None:
        program = (
            "import sideloop, asyncio, threading\n"
            "sideloop.run_sync(asyncio.sleep, 0)\n"
            "from asgiref.sync import sync_to_async\n"
            "async def where():\n"
            "    return await sync_to_async(threading.current_thread)()\n"
            "print(sideloop.run_sync(where).name)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert ended.stdout == "MainThread\n"

    def test_of_one_that_is_unlike_what_is_known_leaves_it_as_it_is(self) -> None:
        from types import ModuleType, SimpleNamespace

        from sideloop._runners.thread_sensitive import install

        strange = ModuleType("asgiref.sync")
        assert not install(strange)  # it is being imported
        strange.__dict__.update(sync_to_async=print, AsyncToSync=SimpleNamespace())
        assert install(strange)
        assert vars(strange.AsyncToSync) == {}


class TestAnAnswerThatIsWaitedFor:
    """Nobody waits yet, and whoever comes to wait may not be asked all the same."""

    @pytest.mark.parametrize("raised", [MemoryError, RuntimeError, KeyboardInterrupt])
    def test_fails_if_asking_again_does(
        self, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sideloop._runners import thread_sensitive

        waits: list[asyncio.Future[None]] = []

        def ask(*_: object) -> asyncio.Future[None]:
            if waits:
                raise raised
            waits.append(asyncio.get_running_loop().create_future())
            return waits[0]

        async def main() -> None:
            executor = thread_sensitive.CallerExecutor(threading.local())
            answers.append(asyncio.wrap_future(executor.submit(int)))
            waits[0].set_result(None)
            with pytest.raises((MemoryError, RuntimeError)):
                await answers[0]

        answers: list[asyncio.Future[int]] = []
        monkeypatch.setattr(thread_sensitive, "ask_caller", ask)
        loop = asyncio.new_event_loop()
        task = loop.create_task(main())
        interrupted = contextlib.nullcontext()
        if raised is KeyboardInterrupt:  # it is the caller's
            interrupted = pytest.raises(KeyboardInterrupt)  # type: ignore[assignment]
        with interrupted:
            loop.run_until_complete(task)
        loop.run_until_complete(task)
        loop.close()
