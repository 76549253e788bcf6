"""The passage: what is awaited through `.aio` on another loop than that of its object."""

import asyncio
import contextlib
import gc
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

from sideloop import LoopManager, RunnerClosedError

WAIT = scaled(20)

needs_scopes = pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has no scopes")


class AsyncSource:
    """Is awaited, iterated and entered. Waits in each step, for as long as it is told to."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.waits = False
        self.begun = threading.Event()
        self.told = threading.Event()
        self.blocked = threading.Event()
        self.free = threading.Event()

    async def pause(self, where: str) -> None:
        self.begun.set()
        try:
            while self.waits:
                await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            self.log.append(" ".join([where, *map(str, error.args)]))
            raise

    async def one(self) -> int:
        await self.pause("one")
        return 1

    async def items(self) -> AsyncIterator[int]:
        n = 0
        try:
            while True:
                await self.pause(f"before {n}")
                try:
                    yield n
                except asyncio.CancelledError:
                    self.log.append(f"at {n}")
                    raise
                n += 1
        finally:
            await self.pause("closing")
            self.log.append("closed")

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[int]:
        await self.pause("entering")
        try:
            yield 1
        except asyncio.CancelledError:
            self.log.append("inside")
            raise
        finally:
            try:
                await self.pause("leaving")
            finally:
                self.log.append("left")

    async def block(self) -> None:
        """Keep its loop busy."""
        self.blocked.set()
        self.free.wait(WAIT)

    async def turn(self) -> None:
        await pass_turns()

    async def tasks(self) -> int:
        return len(asyncio.all_tasks())


@pytest.fixture(params=["thread", "process"])
def manager(
    request: pytest.FixtureRequest, loop_factory: LoopFactory | None
) -> Generator[LoopManager]:
    manager = LoopManager(scope=request.param, grace=1, loop_factory=loop_factory)
    yield manager
    manager.close()


@pytest.fixture
def source(manager: LoopManager) -> Any:
    return manager.synced(AsyncSource)()


async def one(source: Any) -> Awaitable[object]:
    return source.one.aio()  # type: ignore[no-any-return]


async def first_item(source: Any) -> Awaitable[object]:
    return source.items.aio().__anext__()  # type: ignore[no-any-return]


async def next_item(source: Any) -> Awaitable[object]:
    items = source.items.aio()
    await items.__anext__()
    return items.__anext__()  # type: ignore[no-any-return]


async def close(source: Any) -> Awaitable[object]:
    items = source.items.aio()
    await items.__anext__()
    return items.aclose()  # type: ignore[no-any-return]


async def enter(source: Any) -> Awaitable[object]:
    return source.opened.aio().__aenter__()  # type: ignore[no-any-return]


async def leave(source: Any) -> Awaitable[object]:
    opened = source.opened.aio()
    await opened.__aenter__()
    return opened.__aexit__(None, None, None)  # type: ignore[no-any-return]


Use = Callable[[Any], Awaitable[Awaitable[object]]]


async def begin(awaitable: Awaitable[object]) -> "asyncio.Task[object]":
    """A task that awaits this, and has sent it."""

    async def awaited() -> object:
        return await awaitable

    task = asyncio.ensure_future(awaited())
    await asyncio.sleep(0)  # and no answer has come to it in this turn
    return task


async def pass_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def end(task: "asyncio.Task[object]") -> BaseException | None:
    """The exception that it ends with."""
    await asyncio.wait([task], timeout=WAIT)
    assert task.done()
    try:
        task.result()
    except BaseException as error:
        return error
    return None


@contextlib.asynccontextmanager
async def busy(source: Any) -> AsyncIterator[None]:
    """The object's loop is busy meanwhile."""
    blocking = asyncio.ensure_future(asyncio.to_thread(source.block))
    await asyncio.to_thread(source.aio.blocked.wait, WAIT)
    try:
        yield
    finally:
        source.aio.free.set()
        await blocking


class TestACancellation:
    @pytest.mark.parametrize("how", ["before", "after"])
    @pytest.mark.parametrize(
        ("use", "log"),
        [
            (one, []),
            (first_item, ["at 0", "closed"]),
            (next_item, ["at 1", "closed"]),
            (close, ["closed"]),
            (enter, ["inside", "left"]),
            (leave, ["left"]),
        ],
    )
    def test_that_comes_in_one_turn_with_the_answer_is_not_lost(
        self, source: Any, use: Use, log: list[str], how: str
    ) -> None:
        async def main() -> None:
            task = await begin(await use(source))
            source.turn()  # when this has ended, the answer is on its way
            if how == "before":
                task.cancel("enough")
            else:
                asyncio.get_running_loop().call_soon(task.cancel, "enough")
            error = await end(task)
            assert type(error) is asyncio.CancelledError
            if sys.version_info >= (3, 11):
                assert error.args == ("enough",)
                assert task.cancelling() == 1  # type: ignore[attr-defined, unused-ignore]
            assert task.cancelled()

        asyncio.run(main())
        assert source.log == log
        assert source.tasks() == 1

    @pytest.mark.parametrize(
        ("use", "log"),
        [
            (one, ["one enough"]),
            (first_item, ["before 0 enough", "closed"]),
            (next_item, ["before 1 enough", "closed"]),
            (close, ["closing enough"]),
            (enter, ["entering enough"]),
            (leave, ["leaving enough", "left"]),
        ],
    )
    def test_brings_its_message(self, source: Any, use: Use, log: list[str]) -> None:
        async def main() -> None:
            awaitable = await use(source)
            source.aio.waits = True
            source.aio.begun.clear()
            task = await begin(awaitable)
            await asyncio.to_thread(source.aio.begun.wait, WAIT)
            source.aio.waits = use is close
            task.cancel("enough")
            error = await end(task)
            assert type(error) is asyncio.CancelledError
            if sys.version_info >= (3, 11):
                assert error.args == ("enough",)

        asyncio.run(main())
        assert source.log == log
        assert source.tasks() == 1

    @pytest.mark.parametrize(
        ("use", "log"),
        [
            (one, []),
            (first_item, []),
            (next_item, ["at 0", "closed"]),
            (close, ["closing"]),
            (enter, []),
            (leave, ["leaving", "left"]),
        ],
    )
    def test_is_remembered_while_the_objects_loop_is_busy(
        self, source: Any, use: Use, log: list[str]
    ) -> None:
        async def main() -> None:
            awaitable = await use(source)
            source.aio.waits = use is not next_item  # which cleans up, not cancelled again
            async with busy(source):
                task = await begin(awaitable)
                task.cancel()
                await pass_turns()
            assert type(await end(task)) is asyncio.CancelledError

        asyncio.run(main())
        assert source.log == log
        assert source.tasks() == 1

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_is_one_of_several_each_of_which_comes(self, manager: LoopManager, number: int) -> None:
        class AsyncStubborn:
            def __init__(self) -> None:
                self.heard: list[str] = []
                self.waiting = threading.Event()

            async def wait(self, times: int) -> list[str]:
                for _ in range(times):
                    try:
                        self.waiting.set()
                        await asyncio.sleep(3600)
                    except asyncio.CancelledError as error:
                        self.heard += error.args
                return self.heard

        stubborn = manager.synced(AsyncStubborn)()

        async def main() -> None:
            task = await begin(stubborn.wait.aio(number))
            for n in range(number):
                await asyncio.to_thread(stubborn.aio.waiting.wait, WAIT)
                stubborn.aio.waiting.clear()
                task.cancel(str(n))
            # What was cancelled decides.
            await asyncio.wait([task], timeout=WAIT)
            assert task.result() == [str(n) for n in range(number)]
            if sys.version_info >= (3, 11):
                assert task.cancelling() == number  # type: ignore[attr-defined, unused-ignore]

        asyncio.run(main())

    def test_is_what_it_was_when_the_runner_is_closed_meanwhile(self, manager: LoopManager) -> None:
        class AsyncSlow:
            def __init__(self) -> None:
                self.waiting = threading.Event()
                self.unwinding = threading.Event()
                self.go_on = threading.Event()

            async def wait(self) -> None:
                self.waiting.set()
                try:
                    await asyncio.sleep(3600)
                finally:
                    self.unwinding.set()
                    while not self.go_on.is_set():
                        await asyncio.sleep(0.001)

        slow = manager.synced(AsyncSlow)()

        async def main() -> None:
            task = await begin(slow.wait.aio())
            await asyncio.to_thread(slow.aio.waiting.wait, WAIT)
            task.cancel("mine")
            await asyncio.to_thread(slow.aio.unwinding.wait, WAIT)
            closing = asyncio.ensure_future(asyncio.to_thread(manager.close))
            while True:
                try:
                    await slow.wait.aio()
                except RunnerClosedError:
                    break
            slow.aio.go_on.set()
            assert type(await end(task)) is asyncio.CancelledError
            await closing

        asyncio.run(main())

    @needs_scopes
    def test_of_a_time_limit_is_taken_back(self, source: Any) -> None:
        async def main() -> None:
            source.aio.waits = True
            for use in (source.one.aio, source.opened.aio().__aenter__):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):  # type: ignore[attr-defined, unused-ignore]
                        await use()
                task: Any = asyncio.current_task()
                assert task.cancelling() == 0

        asyncio.run(main())

    @needs_scopes
    def test_that_a_step_survives_does_not_count_in_the_next(self, manager: LoopManager) -> None:
        class AsyncStubborn:
            waiting = threading.Event()

            async def items(self) -> AsyncIterator[object]:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(3600) as limit:  # type: ignore[attr-defined, unused-ignore]
                        for _ in range(2):
                            try:
                                self.waiting.set()
                                await asyncio.sleep(3600)
                            except asyncio.CancelledError:
                                yield "cancelled"
                        limit.reschedule(asyncio.get_running_loop().time())
                        await asyncio.sleep(3600)
                yield "too late"

        stubborn = manager.synced(AsyncStubborn)()

        async def main() -> None:
            items = stubborn.items.aio()
            for _ in range(2):
                task = await begin(items.__anext__())
                await asyncio.to_thread(stubborn.aio.waiting.wait, WAIT)
                stubborn.aio.waiting.clear()
                task.cancel()
                await asyncio.wait([task], timeout=WAIT)
                assert task.result() == "cancelled"
            assert await asyncio.wait_for(items.__anext__(), WAIT) == "too late"
            await items.aclose()

        asyncio.run(main())


class AsyncScopes:
    """Ends by itself between two steps."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.told = threading.Event()

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            self.log.append(type(error).__name__)
            self.told.set()
            raise

    @contextlib.asynccontextmanager
    async def cancelled(self) -> AsyncIterator[None]:
        task: Any = asyncio.current_task()
        async with self.telling():
            asyncio.get_running_loop().call_later(0.01, task.cancel)
            yield

    @contextlib.asynccontextmanager
    async def changed(self) -> AsyncIterator[None]:
        try:
            async with self.cancelled():
                yield
        except asyncio.CancelledError:
            raise LookupError("of its own") from None

    @contextlib.asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        async with self.telling(), asyncio.timeout(0.01):  # type: ignore[attr-defined, unused-ignore]
            yield

    @contextlib.asynccontextmanager
    async def group(self) -> AsyncIterator[None]:
        async def fail() -> None:
            await asyncio.sleep(0.01)
            raise KeyError("child")

        async with self.telling(), asyncio.TaskGroup() as group:  # type: ignore[attr-defined, unused-ignore]
            group.create_task(fail())
            yield

    async def items(self, name: str) -> AsyncIterator[int]:
        async with getattr(self, name)():
            yield 1
            yield 2

    async def raises(self) -> AsyncIterator[int]:
        yield 1
        raise asyncio.CancelledError("of its own")

    async def awaits_cancelled(self) -> AsyncIterator[int]:
        yield 1
        inner = asyncio.ensure_future(asyncio.sleep(3600))
        await asyncio.sleep(0)
        inner.cancel()
        await inner

    async def swallows(self) -> AsyncIterator[int]:
        task: Any = asyncio.current_task()
        asyncio.get_running_loop().call_later(0.01, task.cancel)
        try:
            yield 1
        except asyncio.CancelledError:
            self.told.set()
        yield 2

    async def tasks(self) -> int:
        return len(asyncio.all_tasks())


SCOPES = [
    ("cancelled", "CancelledError()"),
    ("changed", "LookupError('of its own')"),
    pytest.param("limited", "TimeoutError()", marks=needs_scopes),
    pytest.param(
        "group",
        "ExceptionGroup('unhandled errors in a TaskGroup', [KeyError('child')])",
        marks=needs_scopes,
    ),
]


@pytest.fixture
def scopes(manager: LoopManager) -> Any:
    return manager.synced(AsyncScopes)()


class TestTheObjectsOwnScope:
    """Ends with what it raises, as it does for sync users; and is told at once."""

    def ends_alike(
        self, scopes: Any, main: Callable[[], Any], found: list[str], raised: str
    ) -> None:
        """What a sync user has found, `main` finds from another loop, and nothing is left."""
        log = list(scopes.log)
        scopes.aio.told.clear()
        asyncio.run(main())
        assert found == [raised] * 2
        assert scopes.log == 2 * log
        assert scopes.tasks() == 1

    @pytest.mark.parametrize(("name", "raised"), SCOPES)
    def test_around_a_yield(self, scopes: Any, name: str, raised: str) -> None:
        found = []
        try:
            for _ in scopes.items(name):
                scopes.aio.told.wait(WAIT)
        except BaseException as error:
            found.append(repr(error))

        async def main() -> None:
            try:
                async for _ in scopes.items.aio(name):
                    await asyncio.to_thread(scopes.aio.told.wait, WAIT)
            except BaseException as error:
                found.append(repr(error))

        self.ends_alike(scopes, main, found, raised)

    @pytest.mark.parametrize(("name", "raised"), SCOPES)
    def test_around_a_block(self, scopes: Any, name: str, raised: str) -> None:
        found = []
        try:
            with getattr(scopes, name)():
                scopes.aio.told.wait(WAIT)
        except BaseException as error:
            found.append(repr(error))

        async def main() -> None:
            try:
                async with getattr(scopes, name).aio():
                    await asyncio.to_thread(scopes.aio.told.wait, WAIT)
            except BaseException as error:
                found.append(repr(error))

        self.ends_alike(scopes, main, found, raised)

    @pytest.mark.parametrize("name", ["raises", "awaits_cancelled"])
    def test_that_is_cancelled_by_itself(self, scopes: Any, name: str) -> None:
        async def main() -> BaseException | None:
            items = getattr(scopes, name).aio()
            assert await items.__anext__() == 1
            task = await begin(items.__anext__())
            return await end(task)

        assert type(asyncio.run(main())) is asyncio.CancelledError

    def test_that_goes_on_gives_the_next_item(self, scopes: Any) -> None:
        async def main() -> list[int]:
            found = []
            async for n in scopes.swallows.aio():
                found.append(n)
                await asyncio.to_thread(scopes.aio.told.wait, WAIT)
            return found

        assert asyncio.run(main()) == [1, 2]


class TestTheAwaitingLoop:
    def test_that_is_closed_under_what_is_open_has_it_clean_up(
        self, source: Any, wait_until: WaitUntil
    ) -> None:
        def use() -> None:
            loop = asyncio.new_event_loop()
            known, unknown, opened = source.items.aio(), source.items.aio(), source.opened.aio()

            async def step() -> None:
                await known.__anext__()  # the loop knows it, and would have it closed

            loop.run_until_complete(step())
            loop.run_until_complete(unknown.__anext__())
            loop.run_until_complete(opened.__aenter__())
            loop.close()

        for _ in range(5):
            use()
        gc.collect()
        wait_until(lambda: source.tasks() == 1)
        assert sorted(source.log) == ["closed"] * 10 + ["left"] * 5


class TestAStepThatComesTooLate:
    def test_gets_what_is_left(self, manager: LoopManager) -> None:
        scopes = manager.synced(AsyncScopes)()

        async def main() -> None:
            opened = scopes.changed.aio()
            await opened.__aenter__()
            await asyncio.to_thread(scopes.aio.told.wait, WAIT)
            await asyncio.to_thread(manager.close)
            with pytest.raises(LookupError, match="of its own"):
                await opened.__aexit__(None, None, None)

        asyncio.run(main())

    @pytest.mark.parametrize("use", [next_item, leave])
    def test_says_that_the_runner_was_closed(
        self, manager: LoopManager, source: Any, use: Use
    ) -> None:
        async def main() -> None:
            awaitable = await use(source)
            await asyncio.to_thread(manager.close)
            with pytest.raises(RunnerClosedError):
                await awaitable

        asyncio.run(main())
        assert source.log[-1] in ("closed", "left")
