"""What a thread puts on a loop that another one runs, by what belongs to the loop's own thread.

Sync methods of async objects do that: they run on the calling thread, and set events, resolve
futures, cancel tasks. The loop may sleep then, and nothing else would wake it.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import sideloop
from sideloop import LoopManager, Runner


class AsyncGate:
    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.future = asyncio.get_running_loop().create_future()
        self.queue: asyncio.Queue[int] = asyncio.Queue()
        self.task = asyncio.ensure_future(asyncio.sleep(1000))
        self.timed = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.inside = 0

    async def wait_for(self, name: str) -> Any:
        self.inside += 1
        if name == "cancelled":
            await asyncio.wait([self.task])
            return self.task.cancelled()
        waiting: Any = {
            "event": self.event.wait,
            "future": lambda: self.future,
            "queue": self.queue.get,
            "timed": self.timed.wait,
        }[name]
        return await waiting()

    def set_event(self) -> None:
        self.event.set()

    def set_future(self) -> None:
        self.future.set_result(True)

    def set_queue(self) -> None:
        self.queue.put_nowait(1)

    def set_cancelled(self) -> None:
        self.task.cancel()

    def set_timed(self) -> None:
        self.loop.call_later(0.001, self.timed.set)


WAYS = ["event", "future", "queue", "cancelled", "timed"]


@pytest.fixture
def gate(threads: ThreadPoolExecutor) -> Iterator[Any]:
    """Closed before the threads that wait there: `threads` comes before it."""
    with LoopManager(scope="process", debug=False) as manager:
        yield manager.synced(AsyncGate)()


class TestASyncMethod:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_heard_by_who_waits_on_the_objects_loop(
        self,
        gate: Any,
        way: str,
        threads: ThreadPoolExecutor,
        wait_until: Callable[[Any], None],
    ) -> None:
        waiting = threads.submit(gate.wait_for, way)
        wait_until(lambda: gate.inside == 1)
        getattr(gate, f"set_{way}")()
        assert waiting.result(timeout=60) in (True, 1)

    def test_is_heard_while_the_caller_drives(self, threads: ThreadPoolExecutor) -> None:
        with LoopManager(drive="caller", debug=False) as manager:
            gate = manager.synced(AsyncGate)()

            def set_when_somebody_waits() -> None:
                # Whoever sets it elsewhere waits until its waiters are in: it walks them.
                while not gate.aio.event._waiters:
                    pass
                gate.aio.set_event()

            setting = threads.submit(set_when_somebody_waits)
            with sideloop.timeout(60):
                assert gate.wait_for("event")
            setting.result()

    def test_is_refused_by_asyncio_in_debug_mode_and_told_what_to_write(self) -> None:
        with LoopManager(scope="process", debug=True) as manager:
            gate = manager.synced(AsyncGate)()
            with pytest.raises(RuntimeError, match="Non-thread-safe") as caught:
                gate.set_timed()
        said = getattr(caught.value, "__notes__", None) or [str(caught.value.__cause__)]
        assert "AsyncGate.set_timed()" in said[0]
        assert "'async def'" in said[0]


class TestALoop:
    def test_that_sleeps_runs_what_another_thread_calls_soon(self) -> None:
        with Runner(debug=False) as runner:

            async def running() -> asyncio.AbstractEventLoop:
                return asyncio.get_running_loop()

            loop = runner.run(running)
            done = threading.Event()
            loop.call_soon(done.set)
            assert done.wait(60)
            late = threading.Event()
            loop.call_later(0.001, late.set)
            assert late.wait(60)
