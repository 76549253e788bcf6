"""A loop with a file that is ready in every turn: it need not wait, and everything else goes on."""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loops import OURS, STANDARD, Loop

import sideloop


async def add(a: int, b: int) -> int:
    return a + b


@pytest.fixture
def ready() -> Iterator[socket.socket]:
    """What can be read, and nobody reads it."""
    here, there = socket.socketpair()
    with here, there:
        there.send(b"x")
        yield here


@pytest.fixture(params=[STANDARD, OURS], ids=["standard", "ours"])
def loop(request: pytest.FixtureRequest, ready: socket.socket) -> Iterator[Loop]:
    """One that is told of it in each turn, and runs no Python code for that."""
    loop: Loop = request.param()
    loop.add_reader(ready.fileno(), int)
    yield loop
    loop.close()


class TestALoopWhoseFileIsAlwaysReady:
    def test_tells_of_it_in_each_turn(self, loop: Loop, ready: socket.socket) -> None:
        told: list[int] = []

        def note() -> None:
            told.append(1)
            if len(told) == 100:
                loop.stop()

        loop.add_reader(ready.fileno(), note)
        loop.run_forever()
        assert len(told) == 100

    def test_lets_other_threads_have_the_interpreter(self, loop: Loop) -> None:
        finished: list[int] = []

        def count() -> None:
            finished.append(sum(range(1_000_000)))
            loop.call_soon_threadsafe(loop.stop)

        thread = threading.Thread(target=count)
        loop.call_soon(thread.start)
        loop.run_forever()
        thread.join()
        assert finished

    def test_runs_what_is_due(self, loop: Loop) -> None:
        assert loop.run_until_complete(asyncio.sleep(0.01, "slept")) == "slept"

    def test_hears_of_what_other_files_have(self, loop: Loop) -> None:
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            received = loop.create_task(loop.sock_recv(here, 10))
            loop.call_later(0.01, there.send, b"other")
            assert loop.run_until_complete(received) == b"other"

    def test_is_stopped_from_a_thread_time_and_again(self, loop: Loop) -> None:
        for _ in range(50):
            thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
            thread.start()
            loop.run_forever()
            thread.join()

    @pytest.mark.skipif(sys.platform == "win32", reason="no alarm there")
    def test_lets_handlers_of_signals_run(self, loop: Loop) -> None:
        heard: list[int] = []

        def hear(number: int, _: Any) -> None:
            heard.append(number)
            loop.stop()

        before = signal.signal(signal.SIGALRM, hear)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            loop.run_forever()
        finally:
            signal.signal(signal.SIGALRM, before)
        assert heard == [signal.SIGALRM]


class TestARunnerWhoseLoopHasSuchAFile:
    def test_serves_calls_and_closes(self, ready: socket.socket) -> None:
        async def tell(told: Callable[[], object]) -> None:
            asyncio.get_running_loop().add_reader(ready.fileno(), told)

        with sideloop.Runner(loop_factory=OURS) as runner:
            runner.run(tell, int)
            assert [runner.run(add, n, 1) for n in range(200)] == list(range(1, 201))
