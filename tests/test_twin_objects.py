"""Objects of twins: each lives on the loop that made it, whoever uses it, and from wherever."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from programs import Ended, run

import sideloop
from sideloop import DeadlockError, LoopManager, RunnerClosedError
from sideloop._manager.runners import IDLE_LIMIT
from sideloop._twins.counterpart import VISITS

WAIT = 20

number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)


class CountedError(LookupError):
    """Counts those that are there."""

    alive: ClassVar["weakref.WeakSet[CountedError]"] = weakref.WeakSet()

    def __init__(self) -> None:
        self.alive.add(self)


class AsyncPart:
    """Something that a client hands out."""

    def __init__(self, client: "AsyncClient") -> None:
        self.client = client

    async def where(self) -> int:
        return id(asyncio.get_running_loop())

    async def get(self, n: int) -> int:
        return await self.client.get(n)


class AsyncClient:
    """Holds what belongs to a loop, as a client holds connections."""

    def __init__(self, callback: Callable[[Any], object] | None = None) -> None:
        self.made_on = id(asyncio.get_running_loop())
        self.lock = asyncio.Lock()
        self.callback = callback
        self.cancelled = threading.Event()
        self.waiting = threading.Event()
        self.name = "client"

    async def where(self) -> int:
        return id(asyncio.get_running_loop())

    async def get(self, n: int) -> int:
        async with self.lock:
            await asyncio.sleep(0.001)
            return n

    @property
    async def total(self) -> int:
        return await self.get(3)

    @property
    def plain(self) -> Any:
        return self.get(4)  # a coroutine

    async def items(self, n: int) -> AsyncIterator[int]:
        async with self.lock:
            for k in range(n):
                await asyncio.sleep(0)
                yield k

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[AsyncPart]:
        async with self.lock:
            yield AsyncPart(self)

    async def part(self) -> AsyncPart:
        return AsyncPart(self)

    async def parts(self) -> dict[str, list[AsyncPart]]:
        return {"all": [AsyncPart(self), AsyncPart(self)]}

    async def call_back(self, argument: Any = None) -> object:
        assert self.callback is not None
        return self.callback(argument)

    async def fail(self, error: BaseException) -> None:
        raise error

    async def fail_counted(self) -> None:
        raise CountedError

    async def number(self) -> int:
        return number.get()

    async def wait(self) -> None:
        try:
            self.waiting.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
            self.cancelled.set()
            raise

    def sync_where(self) -> int:
        return threading.get_ident()

    async def __aenter__(self) -> "AsyncClient":
        await self.lock.acquire()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.lock.release()

    def __aiter__(self) -> "AsyncClient":
        return self

    async def __anext__(self) -> int:
        return await self.get(5)


@pytest.fixture
def manager(scoped_manager: LoopManager) -> LoopManager:
    return scoped_manager


@pytest.fixture
def client(manager: LoopManager) -> Any:
    return Classes(manager).client()


class Classes:
    """The twins of one manager."""

    def __init__(self, manager: LoopManager) -> None:
        self.client: Any = manager.synced(AsyncClient)
        self.part: Any = manager.synced(AsyncPart)


@pytest.fixture
def classes(manager: LoopManager) -> Classes:
    return Classes(manager)


def in_thread(sync_fn: Callable[..., Any], *args: Any) -> Any:
    """On a thread of its own, which has ended when this returns."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def work() -> None:
        try:
            future.set_result(sync_fn(*args))
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WAIT)
    return future.result(0)


def in_threads(sync_fn: Callable[[int], Any], count: int = 8) -> list[Any]:
    """On so many threads at once."""
    ready = threading.Barrier(count)

    def work(n: int) -> Any:
        ready.wait(WAIT)
        return sync_fn(n)

    with ThreadPoolExecutor(count) as threads:
        return [future.result(WAIT) for future in [threads.submit(work, n) for n in range(count)]]


USES: dict[str, Callable[[Any, int], bool]] = {
    "a method": lambda client, n: client.get(n) == n,
    "an async property": lambda client, _: client.total == 3,
    "a property that returns a coroutine": lambda client, _: client.plain == 4,
    "a generator": lambda client, _: list(client.items(4)) == [0, 1, 2, 3],
    "a context manager": lambda client, _: _in_locked(client),
    "with": lambda client, _: _in_with(client),
    "for": lambda client, _: next(iter(client)) == 5,
    "an object that it returns": lambda client, n: client.part().get(n) == n,
    "objects in what it returns": lambda client, n: client.parts()["all"][1].get(n) == n,
    "map of aio": lambda client, n: list(sideloop.map(client.get.aio, [n, 1, 2])) == [n, 1, 2],
    "run_sync of aio": lambda client, n: sideloop.run_sync(client.get.aio, n) == n,
    "submit of aio": lambda client, n: _submitted(client, n),
}


def _in_locked(client: Any) -> bool:
    with client.locked() as part:
        return bool(part.where() == client.made_on)


def _in_with(client: Any) -> bool:
    with client as same:
        return bool(same is client)


def _submitted(client: Any, n: int) -> bool:
    with sideloop.Runner() as runner:
        return bool(runner.submit(client.get.aio, n).result(WAIT) == n)


class TestFromAnyThread:
    @pytest.mark.parametrize("use", USES)
    def test_works_through(self, use: str, classes: Classes) -> None:
        client = classes.client()
        assert all(in_threads(lambda n: all(USES[use](client, n + k) for k in range(3))))

    @pytest.mark.parametrize("use", USES)
    def test_works_when_the_thread_that_made_it_has_ended_through(
        self, use: str, classes: Classes
    ) -> None:
        client = in_thread(classes.client)
        # A thread that needs a loop does not get this one.
        other = in_thread(classes.client)
        assert client.where() == client.made_on
        assert in_thread(USES[use], client, 1)
        assert USES[use](client, 2)
        assert other.where() == other.made_on

    def test_runs_on_the_loop_that_made_it(self, classes: Classes) -> None:
        client = classes.client()
        assert {client.where(), *in_threads(lambda _: client.where())} == {client.made_on}

    def test_has_a_loop_of_its_own_for_each_thread_that_makes_one(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        clients = in_threads(lambda _: classes.client(), 4)
        assert len({client.where() for client in clients}) == 4
        assert all(client.where() == client.made_on for client in clients)
        manager.close()

    def test_lives_where_the_object_does_whose_call_returned_it(self, classes: Classes) -> None:
        client = classes.client()
        part = in_thread(client.part)
        parts = in_thread(client.parts)["all"]
        with_part = in_thread(lambda: client.locked().__enter__())
        assert {one.where() for one in (part, *parts, with_part)} == {client.made_on}

    def test_lives_there_also_when_all_its_twins_were_dropped(self) -> None:
        kept: list[AsyncClient] = []

        async def shared() -> AsyncClient:
            if not kept:
                kept.append(AsyncClient())
            return kept[0]

        manager = LoopManager()
        get, _ = manager.synced(shared), manager.synced(AsyncClient)
        made_on = in_thread(lambda: get().made_on)
        gc.collect()
        assert in_threads(lambda _: get().where()) == [made_on] * 8
        manager.close()

    def test_lives_where_a_function_has_made_it(
        self, classes: Classes, manager: LoopManager
    ) -> None:
        async def make() -> list[AsyncClient]:
            return [AsyncClient()]

        async def makes() -> AsyncIterator[AsyncClient]:
            while True:
                yield AsyncClient()

        @contextlib.asynccontextmanager
        async def making() -> AsyncIterator[AsyncClient]:
            yield AsyncClient()

        assert classes
        (client,) = in_thread(manager.synced(make))
        made = manager.synced(makes)()
        clients = [client, in_thread(next, made), next(made), in_thread(next, made)]
        with manager.synced(making)() as entered:
            clients.append(entered)
            assert [in_thread(one.where) for one in clients] == [one.made_on for one in clients]
        assert len({one.made_on for one in clients[1:4]}) == 1
        made.close()

    def test_lives_where_it_is_used_first_if_it_comes_from_a_pickle(self) -> None:
        box = pickle.loads(pickle.dumps(Box()))
        assert len({box.where(), *in_threads(lambda _: box.where())}) == 1

    def test_keeps_its_plain_methods_and_attributes_on_the_calling_thread(
        self, classes: Classes
    ) -> None:
        client = classes.client()
        assert client.sync_where() == threading.get_ident()
        assert in_thread(lambda: client.sync_where() != threading.main_thread().ident)
        assert in_thread(lambda: client.name) == "client"

    def test_is_pinned_too_if_the_body_of_its_class_has_twins(self, manager: LoopManager) -> None:
        class Inner:
            def __init__(self) -> None:
                self.made_on = id(asyncio.get_running_loop())

            @manager.synced
            async def where(self) -> int:
                return id(asyncio.get_running_loop())

            async def other(self) -> None: ...

        inner = manager.synced(Inner)()
        assert in_thread(inner.where) == inner.made_on

    def test_has_equal_methods(self, client: Any) -> None:
        assert client.get == client.get
        assert len({client.get, client.get}) == 1

    def test_leaves_functions_a_loop_for_each_thread(self) -> None:
        @sideloop.synced
        async def where() -> int:
            return id(asyncio.get_running_loop())

        assert len({where(), *in_threads(lambda _: where(), 4)}) == 5


@sideloop.synced
class Box:
    """Can be pickled."""

    async def where(self) -> int:
        return id(asyncio.get_running_loop())


class TestItsOwnLoop:
    @pytest.mark.parametrize(
        "use", [use for use in USES if use not in ("map of aio", "submit of aio")]
    )
    def test_refuses_a_call_that_would_wait_for_itself_through(
        self, use: str, classes: Classes
    ) -> None:
        client: Any = classes.client(lambda _: USES[use](client, 1))
        with sideloop.timeout(WAIT), pytest.raises(DeadlockError, match=r"\.aio|Await"):
            in_thread(client.call_back)
        assert client.get(1) == 1

    def test_can_be_used_by_a_callback_on_another_thread(self) -> None:
        class AsyncCaller:
            def __init__(self) -> None:
                self.callback: Callable[[], object] = lambda: None

            async def run(self) -> object:
                return await asyncio.to_thread(self.callback)

        manager = LoopManager()
        caller = manager.synced(AsyncCaller)()
        where = manager.synced(AsyncClient)()
        caller.callback = where.where
        assert caller.run() == where.made_on
        manager.close()

    def test_lets_other_objects_be_called(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        other = in_thread(classes.client)
        client = classes.client(lambda _: other.where())
        assert client.call_back() == other.made_on
        manager.close()

    def test_finds_a_circle_through_other_objects(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        first: Any = classes.client(lambda _: second.call_back())
        second: Any = in_thread(classes.client, lambda _: first.get(1))
        with sideloop.timeout(WAIT), pytest.raises(DeadlockError, match="wait for each other"):
            first.call_back()
        manager.close()


class TestAio:
    def test_runs_on_the_objects_loop_from_any_other(self, client: Any) -> None:
        async def main() -> tuple[int, int]:
            return id(asyncio.get_running_loop()), await client.where.aio()

        mine, where = asyncio.run(main())
        assert where == client.made_on != mine

    def test_works_while_other_threads_use_the_object(self, client: Any) -> None:
        async def main() -> Any:
            sync = [asyncio.to_thread(client.get, n) for n in range(4)]
            return await asyncio.gather(*sync, *[client.get.aio(n) for n in range(4, 8)])

        assert asyncio.run(main()) == list(range(8))

    def test_is_awaited_as_it_is_on_its_own_loop(self, manager: LoopManager) -> None:
        class AsyncTasks:
            me: Any

            async def task(self) -> Any:
                return asyncio.current_task()

            async def same(self) -> bool:
                return await self.me.task.aio() is asyncio.current_task()

            async def items(self) -> AsyncIterator[Any]:
                yield asyncio.current_task()

            async def same_item(self) -> bool:
                return [task async for task in self.me.items.aio()] == [asyncio.current_task()]

        tasks = manager.synced(AsyncTasks)()
        tasks.aio.me = tasks
        assert tasks.same()
        assert tasks.same_item()
        del tasks.aio.me

    def test_brings_the_same_exception(self, client: Any) -> None:
        for error in (LookupError("no"), SystemExit(3), asyncio.CancelledError(), KeyError(1)):

            async def main(error: BaseException = error) -> BaseException | None:
                try:
                    await client.fail.aio(error)
                except BaseException as caught:
                    return caught
                return None

            assert asyncio.run(main()) is error
            frames = []
            traceback = error.__traceback__
            while traceback is not None:
                frames.append(traceback.tb_frame.f_code.co_filename)
                traceback = traceback.tb_next
            assert sum("_twins" in name or "_views" in name for name in frames) <= 2
            error.__traceback__ = None

    def test_leaves_no_garbage(self, client: Any) -> None:
        async def fail() -> None:
            with contextlib.suppress(CountedError):
                await client.fail_counted.aio()
            with contextlib.suppress(CountedError):
                async with client.locked.aio():
                    raise CountedError
            assert [n async for n in client.items.aio(3)] == [0, 1, 2]
            async with client.locked.aio():
                pass

        async def main() -> None:
            await fail()
            gc.collect()
            gc.disable()
            try:
                for _ in range(3):
                    await fail()
                # The loop's thread may be about to let go of the last one.
                await asyncio.sleep(0.1)
                assert len(CountedError.alive) <= 1
            finally:
                gc.enable()

        asyncio.run(main())

    def test_takes_the_context_along(self, client: Any) -> None:
        async def main() -> tuple[int, int]:
            number.set(7)
            return await client.number.aio(), await asyncio.create_task(client.number.aio())

        assert asyncio.run(main()) == (7, 7)

    def test_passes_a_cancellation_on_and_waits_until_it_has_unwound(self, client: Any) -> None:
        async def main() -> bool:
            task = asyncio.create_task(client.wait.aio())
            await asyncio.to_thread(client.aio.waiting.wait, WAIT)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return bool(task.cancelled() and client.aio.cancelled.is_set())

        assert asyncio.run(main())

    def test_passes_a_time_limit_on(self, client: Any) -> None:
        async def main() -> None:
            await asyncio.wait_for(client.wait.aio(), 0.05)

        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(main())
        assert client.aio.cancelled.is_set()

    def test_is_cancelled_before_it_has_begun(self, client: Any) -> None:
        async def main() -> bool:
            # Its loop is busy, so that the call waits before it.
            begun, over = threading.Event(), threading.Event()

            def block(_: Any) -> None:
                begun.set()
                over.wait(WAIT)

            client.aio.callback = block
            blocking = asyncio.create_task(asyncio.to_thread(client.call_back))
            await asyncio.to_thread(begun.wait, WAIT)
            task = asyncio.create_task(client.fail.aio(LookupError("has begun")))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task], timeout=WAIT)
            over.set()
            await blocking
            return task.cancelled()

        assert asyncio.run(main())
        assert client.get(2) == 2

    def test_hears_of_a_cancellation_on_the_objects_loop(self) -> None:
        class AsyncTask:
            def __init__(self) -> None:
                self.task: Any = None
                self.begun = threading.Event()

            async def run(self) -> None:
                self.task = asyncio.current_task()
                self.begun.set()
                await asyncio.sleep(60)

            async def stop(self) -> None:
                self.task.cancel()

        manager = LoopManager()
        one = manager.synced(AsyncTask)()

        async def main() -> bool:
            task = asyncio.create_task(one.run.aio())
            await asyncio.to_thread(one.aio.begun.wait, WAIT)
            await one.stop.aio()
            await asyncio.wait([task], timeout=WAIT)
            return task.cancelled()

        assert asyncio.run(main())
        manager.close()

    def test_ends_when_the_runner_is_closed_under_it(self, manager: LoopManager) -> None:
        client = Classes(manager).client()

        async def main() -> None:
            task = asyncio.create_task(client.wait.aio())
            await asyncio.to_thread(client.aio.waiting.wait, WAIT)
            await asyncio.to_thread(manager.close)
            await asyncio.wait_for(task, WAIT)

        with pytest.raises(RunnerClosedError):
            asyncio.run(main())

    def test_is_an_async_function_still(self, client: Any) -> None:
        assert inspect.iscoroutinefunction(client.get.aio)
        assert inspect.isasyncgenfunction(client.items.aio)
        assert str(inspect.signature(client.get.aio)) == "(n: int) -> int"
        assert client.get.aio.__name__ == "get"
        assert client.sync_where.aio() == threading.get_ident()

    def test_iterates_in_one_task_of_the_objects_loop(self, manager: LoopManager) -> None:
        class AsyncSource:
            closed = False

            async def items(self) -> AsyncIterator[Any]:
                try:
                    said = None
                    while True:
                        try:
                            said = yield (asyncio.current_task(), said)
                        except LookupError as error:
                            said = repr(error)
                finally:
                    self.closed = True

        source = manager.synced(AsyncSource)()

        async def main() -> None:
            items = source.items.aio()
            task, said = await items.__anext__()
            assert said is None
            assert task is not asyncio.current_task()
            assert await items.asend(1) == (task, 1)
            assert await items.athrow(LookupError()) == (task, "LookupError()")
            await items.aclose()
            assert source.aio.closed
            with pytest.raises(StopAsyncIteration):
                await items.__anext__()

        asyncio.run(main())

    def test_enters_and_exits_in_one_task_of_the_objects_loop(self, manager: LoopManager) -> None:
        class AsyncScope:
            @contextlib.asynccontextmanager
            async def scope(self) -> AsyncIterator[Any]:
                task = asyncio.current_task()
                try:
                    yield task
                except LookupError:
                    pass
                finally:
                    assert asyncio.current_task() is task

        scope = manager.synced(AsyncScope)()

        async def main() -> None:
            async with scope.scope.aio() as task:
                assert task is not asyncio.current_task()
            async with scope.scope.aio():
                raise LookupError  # is suppressed
            with pytest.raises(ValueError, match="mine"):
                async with scope.scope.aio():
                    raise ValueError("mine")

        asyncio.run(main())

    def test_cancels_a_step_and_goes_on(self, manager: LoopManager) -> None:
        class AsyncSource:
            async def items(self) -> AsyncIterator[Any]:
                while True:
                    try:
                        await asyncio.sleep(60)
                    except asyncio.CancelledError:
                        yield "cancelled"

        source = manager.synced(AsyncSource)()

        async def main() -> list[str]:
            items = source.items.aio()
            found = []
            for _ in range(2):
                task = asyncio.create_task(items.__anext__())
                await asyncio.sleep(0.05)
                task.cancel()
                found.append(await task)
            closing = asyncio.create_task(items.aclose())
            await asyncio.sleep(0.05)
            assert closing.done()
            return found

        assert asyncio.run(main()) == ["cancelled", "cancelled"]

    def test_is_refused_where_nobody_would_run_it(self) -> None:
        manager = LoopManager(drive="caller")
        client = Classes(manager).client()

        async def main() -> None:
            await client.get.aio(1)

        with pytest.raises(RuntimeError, match="turns only while a caller waits"):
            asyncio.run(main())
        assert client.get(1) == 1
        manager.close()


class TestTheRunner:
    """Of an object stays while the object does."""

    def test_is_given_back_by_whoever_goes_last(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        client = in_thread(classes.client)
        part = client.part()
        made_on = client.made_on

        def where() -> int:
            return int(classes.client().made_on)

        assert in_thread(where) != made_on
        del client
        gc.collect()
        assert in_thread(where) != made_on
        assert part.where() == made_on
        del part
        gc.collect()
        assert made_on in (in_thread(where), in_thread(where))
        manager.close()

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_a_thousand_threads_that_hand_their_clients_on_leave_nothing_behind(
        self, order: int
    ) -> None:
        manager = LoopManager(grace=1)
        classes = Classes(manager)
        clients = []
        for _ in range(20):
            clients += in_threads(lambda _: classes.client(), 50)
        assert len(clients) == 1000
        assert len(manager.runners()) <= 256
        assert all(client.where() == client.made_on for client in clients)
        while clients:
            clients.pop(order - 1 if order > 0 else -1)
        gc.collect()
        in_thread(classes.client)
        gc.collect()
        assert len(manager.runners()) <= IDLE_LIMIT + 1
        manager.close()

    def test_goes_back_from_objects_that_are_collected_in_cycles(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        for _ in range(3 * IDLE_LIMIT):
            client = in_thread(classes.client)
            client.aio.callback = client.get  # the original holds its twin
            client.aio.lock.me = client
            del client
            gc.collect()
        assert len(manager.runners()) <= IDLE_LIMIT
        manager.close()

    def test_stays_for_an_iterator_whose_object_was_dropped(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        items = in_thread(lambda: classes.client().items(3))
        made_on = in_thread(lambda: classes.client().made_on)
        assert made_on
        assert list(items) == [0, 1, 2]
        manager.close()

    def test_is_shared_by_the_objects_of_threads_beyond_the_limit(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sideloop._manager.runners.RUNNER_LIMIT", 4)
        manager = LoopManager()
        classes = Classes(manager)
        clients = [in_thread(classes.client) for _ in range(12)]
        assert len({client.made_on for client in clients}) == 4
        assert all(in_thread(client.where) == client.made_on for client in clients)
        del clients[:6]
        gc.collect()
        assert all(in_thread(client.where) == client.made_on for client in clients)
        manager.close()

    def test_that_was_closed_is_named_with_the_object(self, manager: LoopManager) -> None:
        client = Classes(manager).client()
        manager.close()
        for use in ("a method", "an async property", "a generator", "a context manager", "with"):
            with pytest.raises(RunnerClosedError, match="make a new object"):
                USES[use](client, 1)
        with pytest.raises(RunnerClosedError, match=r"its object, a .*AsyncClient, lives on"):
            client.get(1)
        with pytest.raises(RunnerClosedError, match="make a new object"):
            asyncio.run(client.get.aio(1))
        assert client.name == "client"
        # The manager goes on.
        assert Classes(manager).client().get(1) == 1

    def test_goes_on_for_its_objects_when_the_user_stops_its_loop(
        self, manager: LoopManager
    ) -> None:
        class AsyncStopper:
            async def stop(self) -> None:
                asyncio.get_running_loop().stop()
                await asyncio.sleep(60)

            async def get(self) -> int:
                return 1

        stopper = manager.synced(AsyncStopper)()
        with pytest.raises(sideloop.LoopStoppedError):
            stopper.stop()
        assert stopper.get() == in_thread(stopper.get) == 1

    def test_closes_with_its_manager_although_objects_were_there(self) -> None:
        manager = LoopManager()
        classes = Classes(manager)
        client = classes.client()
        (runner,) = manager.runners()
        threads = [weakref.ref(runner)]
        del manager, classes, client, runner
        gc.collect()
        assert [thread() for thread in threads] == [None]


class TestALoopThatTheCallerDrives:
    def test_is_closed_for_its_objects_with_the_thread(self) -> None:
        manager = LoopManager(drive="caller")
        classes = Classes(manager)
        client = in_thread(classes.client)
        with pytest.raises(RunnerClosedError, match="make a new object"):
            client.get(1)
        manager.close()

    def test_is_not_driven_by_other_threads(self) -> None:
        manager = LoopManager(drive="caller")
        client = Classes(manager).client()
        assert client.get(1) == 1
        with pytest.raises(RuntimeError, match="driven by the thread"):
            in_thread(client.get, 1)
        assert client.get(2) == 2
        manager.close()


class TestVisits:
    def test_of_several_threads_are_kept_apart(self, manager: LoopManager) -> None:
        entered: dict[Any, int] = {}
        left: list[tuple[int, int]] = []

        class AsyncPool:
            async def __aenter__(self) -> None:
                entered[asyncio.current_task()] = number.get()

            async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> bool:
                left.append((entered.pop(asyncio.current_task()), error.args[0]))
                return True

        pool = manager.synced(AsyncPool)()

        def work(n: int) -> None:
            number.set(n)
            for _ in range(50):
                with pool:
                    raise LookupError(n)

        in_threads(work)
        assert len(left) == 8 * 50
        assert all(mine == given for mine, given in left)

    def test_may_be_left_on_another_thread(self, client: Any) -> None:
        in_thread(client.__enter__)
        in_thread(client.__exit__, None, None, None)
        with pytest.raises(RuntimeError, match="was not entered"):
            client.__exit__(None, None, None)

    def test_leave_nothing_behind_of_threads_that_have_ended(self, client: Any) -> None:
        for _ in range(20):
            in_thread(USES["with"], client, 1)
            in_thread(client.__enter__)
            in_thread(client.__exit__, None, None, None)
        assert not client.__dict__[VISITS]._all


class TestErrorsOfObjectsOfAnotherLoop:
    def test_say_which_loops_and_what_to_write(self) -> None:
        lock = asyncio.Lock()
        held, over = threading.Event(), threading.Event()

        async def taking() -> AsyncIterator[None]:
            await lock.acquire()
            yield

        async def nested_take() -> None:
            sideloop.run_sync(take)

        async def hold() -> None:
            async with lock:
                waiter = asyncio.ensure_future(lock.acquire())
                await asyncio.sleep(0)
                held.set()
                await asyncio.to_thread(over.wait, WAIT)
                waiter.cancel()

        async def take() -> None:
            await lock.acquire()

        thread = threading.Thread(target=sideloop.run_sync, args=(hold,), name="holder")
        thread.start()
        held.wait(WAIT)
        try:
            uses: list[Callable[[], object]] = [
                lambda: sideloop.run_sync(take),
                lambda: sideloop.run_sync(nested_take),
                lambda: next(sideloop.iterate(taking())),
            ]
            for take_it in uses:
                with pytest.raises(RuntimeError, match="different event loop") as caught:
                    take_it()
                said = notes(caught.value)
                assert len(said) == 1
                assert 'scope="process"' in said[0]
                assert said[0].count("the loop of runner 'sideloop-") == 2
        finally:
            over.set()
            thread.join(WAIT)

    def test_say_so_too_of_a_future(self) -> None:
        future: Any = in_thread(sideloop.run_sync, made_future)

        async def wait() -> None:
            await future

        with pytest.raises(RuntimeError, match="attached to a different loop") as caught:
            sideloop.run_sync(wait)
        assert 'scope="process"' in notes(caught.value)[0]

    def test_say_so_too_of_the_error_of_a_library(self) -> None:
        async def fail() -> None:
            raise RuntimeError("Timeout context manager should be used inside a task")

        with sideloop.Runner() as runner, pytest.raises(RuntimeError) as caught:
            runner.submit(fail).result(WAIT)
        assert 'scope="process"' in notes(caught.value)[0]

    def test_leave_other_errors_alone(self) -> None:
        async def fail() -> None:
            raise RuntimeError("a different matter")

        with pytest.raises(RuntimeError) as caught:
            sideloop.run_sync(fail)
        assert notes(caught.value) == []


async def made_future() -> Any:
    return asyncio.get_running_loop().create_future()


def notes(error: BaseException) -> list[str]:
    """What was added to an error: CPython 3.10 has no notes."""
    said: list[str] = list(getattr(error, "__notes__", []))
    if error.__cause__ is not None:
        said.append(str(error.__cause__))
    return said


class TestAProcess:
    def test_that_was_forked_names_the_object_and_the_fork(self) -> None:
        quiet(run("twin_objects", "fork"))

    def test_that_was_forked_may_make_the_object_anew(self) -> None:
        quiet(run("twin_objects", "fork_anew"))

    def test_exits_with_objects_of_every_kind(self) -> None:
        quiet(run("twin_objects", "exit"))

    def test_tells_a_handler_that_runs_after_the_loops_were_closed(self) -> None:
        quiet(run("twin_objects", "after_exit"), "told\n")


def quiet(ended: Ended, said: str = "") -> None:
    assert (ended.code, ended.stdout, ended.stderr) == (0, said, "")


class TestAPickledTwin:
    @pytest.mark.parametrize("scope", ["thread", "process"])
    def test_brings_no_second_manager(self, scope: Any) -> None:
        manager = LoopManager(scope=scope)
        twin = manager.synced(made_future)
        again = [pickle.loads(pickle.dumps(manager)) for _ in range(3)]
        assert all(one is manager for one in again)
        assert pickle.loads(pickle.dumps(twin)).__sideloop_translator__.manager is manager
        manager.close()

    def test_brings_one_manager_where_there_is_none(self) -> None:
        sent = LoopManager(scope="process")
        data = pickle.dumps(sent.synced(made_future))
        old = weakref.ref(sent)
        del sent
        gc.collect()
        assert old() is None
        twins = [pickle.loads(data) for _ in range(3)]
        assert len({twin.__sideloop_translator__.manager for twin in twins}) == 1
        twins[0].__sideloop_translator__.manager.close()
