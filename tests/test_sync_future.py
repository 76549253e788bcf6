"""Futures, tasks and coroutines that async code keeps, or hands out other than to be awaited."""

import asyncio
import gc
import inspect
import weakref
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import sideloop
from sideloop import LoopManager, SyncFuture


class AsyncQueue:
    def __init__(self) -> None:
        self.ready: asyncio.Future[AsyncQueue] = asyncio.Future()
        self.endless = asyncio.ensure_future(asyncio.sleep(1000))
        self.later: Coroutine[Any, Any, AsyncQueue] | None = None
        self.tasks: list[asyncio.Task[AsyncQueue]] = []

    async def me(self) -> "AsyncQueue":
        return self

    async def open(self) -> None:
        self.ready.set_result(self)

    async def delay(self) -> None:
        self.later = self.me()

    async def start(self, number: int = 1) -> "list[asyncio.Task[AsyncQueue]]":
        self.tasks = [asyncio.ensure_future(self.me()) for _ in range(number)]
        return self.tasks

    async def start_endless(self) -> "asyncio.Task[None]":
        return self.endless

    async def fail(self) -> "asyncio.Task[Any]":
        async def fail() -> None:
            raise ValueError("three")

        return asyncio.ensure_future(fail())

    async def gather(self, *tasks: "asyncio.Future[Any]") -> list[Any]:
        assert all(map(asyncio.isfuture, tasks))
        return await asyncio.gather(*tasks)

    async def is_ready(self, future: object) -> bool:
        return future is self.ready


@pytest.fixture
def queue(manager: LoopManager) -> Any:
    return manager.synced(AsyncQueue)()


class TestAnAttribute:
    def test_is_asked_as_any_future(self, queue: Any) -> None:
        assert isinstance(queue.ready, SyncFuture)
        assert queue.ready is queue.ready
        assert not queue.ready.done()
        queue.open()
        assert queue.ready.done()
        assert queue.ready.result() is queue
        assert queue.ready.exception() is None

    def test_is_waited_for_by_any_thread(self, queue: Any, threads: ThreadPoolExecutor) -> None:
        waiting = [threads.submit(queue.ready.result) for _ in range(5)]
        queue.open()
        assert all(one.result() is queue for one in waiting)

    def test_is_still_there_for_who_waits_longer(self, queue: Any) -> None:
        with pytest.raises(TimeoutError, match=r"pending.* in 0.01 seconds"):
            queue.ready.result(timeout=0.01)
        with pytest.raises(TimeoutError, match=r"Future\.exception\(\)"), sideloop.timeout(0.01):
            queue.ready.exception()
        queue.open()
        assert queue.ready.result() is queue

    def test_is_cancelled_on_its_loop(self, queue: Any, threads: ThreadPoolExecutor) -> None:
        assert threads.submit(queue.endless.cancel).result()
        with pytest.raises(asyncio.CancelledError):
            queue.endless.result()
        assert (queue.endless.cancelled(), queue.endless.cancel()) == (True, False)

    def test_is_the_async_codes_own_for_async_code(self, queue: Any) -> None:
        assert queue.is_ready(queue.ready)
        queue.ready = queue.ready
        assert asyncio.isfuture(queue.aio.ready)

    def test_in_a_list_is_one(self, queue: Any) -> None:
        queue.start(3)
        assert all(task.result() is queue for task in queue.tasks)

    def test_that_is_a_coroutine_is_begun_once(self, queue: Any) -> None:
        queue.delay()
        later = queue.later
        assert not later.done()
        assert later.result() is queue is queue.later.result()
        assert queue.gather(later) == [queue]

    def test_is_read_when_its_loop_is_gone(self) -> None:
        with LoopManager() as manager:
            queue = manager.synced(AsyncQueue)()
            queue.open()
            ready, endless = queue.ready, queue.endless
        assert ready.result() is queue
        assert endless.cancelled()


class TestAnAnswer:
    def test_is_a_future_and_no_warning(self, queue: Any) -> None:
        assert [task.result() for task in queue.start(2)] == [queue] * 2
        assert queue.gather(*queue.start(2)) == [queue] * 2
        assert queue.start_endless() is queue.endless

    def test_that_fails_raises_its_error(self, queue: Any) -> None:
        failed = queue.fail()
        with pytest.raises(ValueError, match="three") as caught:
            failed.result()
        assert failed.exception() is caught.value

    def test_of_a_function_is_one(self, manager: LoopManager) -> None:
        @manager.synced
        async def start() -> "asyncio.Task[int]":
            return asyncio.ensure_future(asyncio.sleep(0, 7))

        assert start().result() == 7

    def test_is_collected_when_nobody_asks(self, queue: Any) -> None:
        [task] = queue.start()
        gone = weakref.ref(task)
        del task
        gc.collect()
        assert gone() is None


class TestItsDriver:
    def test_may_be_the_caller(self) -> None:
        with LoopManager(drive="caller") as manager:
            queue = manager.synced(AsyncQueue)()
            [task] = queue.start()
            assert task.result() is queue
            with pytest.raises(TimeoutError):
                queue.ready.result(timeout=0.01)


class TestSignatures:
    def test_show_it(self, manager: LoopManager) -> None:
        twin: Any = manager.synced(AsyncQueue)
        shown = inspect.signature(twin.start).return_annotation
        assert shown == list[SyncFuture[twin]]
        assert inspect.signature(twin.gather).parameters["tasks"].annotation == SyncFuture[Any]
