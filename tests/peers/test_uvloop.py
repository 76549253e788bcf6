"""uvloop's loop: somebody else runs it, and is called on it; a runner owns one."""

import asyncio
import threading
from collections.abc import Generator

import pytest

import sideloop

uvloop = pytest.importorskip("uvloop", reason="uvloop does not run on this system")


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@pytest.fixture
def others() -> Generator[asyncio.AbstractEventLoop]:
    """A loop that somebody else runs."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class TestRunOn:
    def test_returns_what_the_function_returns(self, others: asyncio.AbstractEventLoop) -> None:
        answers = [sideloop.run_on(others, add, n, b=1) for n in range(100)]
        assert answers == list(range(1, 101))

    def test_keeps_a_limit(self, others: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            sideloop.run_on(others, asyncio.sleep, 60)

    def test_fails_a_call_under_which_the_loop_is_closed(self) -> None:
        loop = uvloop.new_event_loop()
        ready = threading.Event()

        def run() -> None:
            loop.call_soon(ready.set)
            loop.run_forever()
            loop.close()

        async def stop() -> None:
            loop.stop()
            await asyncio.sleep(60)

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(20)
        with pytest.raises(sideloop.LoopStoppedError, match="was closed before"):
            sideloop.run_on(loop, stop)
        thread.join()


class TestARunner:
    def test_submits_to_it(self) -> None:
        with sideloop.Runner(loop_factory=uvloop.new_event_loop) as runner:
            futures = [runner.submit(add, n, b=1) for n in range(100)]
            assert [future.result(20) for future in futures] == list(range(1, 101))
