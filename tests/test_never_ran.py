"""A loop that does not run: who calls hears of it, and is not kept while others are made."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import programs
import pytest
from pace import scaled

from sideloop import LoopManager, LoopStoppedError, Runner


class Broken(asyncio.SelectorEventLoop):
    """Counts how many are made. Runs only when it may."""

    made = 0
    works = False

    def __init__(self) -> None:
        type(self).made += 1
        super().__init__()

    def run_forever(self) -> None:
        if type(self).works:
            super().run_forever()
        else:
            self.do_not_run()

    def do_not_run(self) -> None:
        raise NotImplementedError


REASON = OSError("no epoll here")


class Raises(Broken):
    def do_not_run(self) -> None:
        raise REASON


class Exits(Broken):
    def do_not_run(self) -> None:
        raise SystemExit(3)


class Returns(Broken):
    def do_not_run(self) -> None:
        pass


@pytest.fixture(params=[Raises, Exits, Returns])
def kind(request: pytest.FixtureRequest) -> Generator[type[Broken]]:
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    yield request.param
    logging.getLogger("asyncio").setLevel(logging.NOTSET)
    request.param.made, request.param.works = 0, False
    REASON.__traceback__ = None


async def answer(*_: object) -> int:
    await asyncio.sleep(0)
    return 42


async def items() -> AsyncGenerator[int]:
    yield 42


@contextlib.asynccontextmanager
async def block() -> AsyncGenerator[int]:
    yield 42


class Client:
    async def ask(self) -> int:
        return await answer()


Owner = Any
"""A runner or a manager."""


def enter(owner: Owner) -> object:
    with owner.enter(block()) as entered:
        return entered


WAYS: dict[str, tuple[dict[str, Any] | None, Callable[[Owner], object]]] = {
    "run": (None, lambda runner: runner.run(answer)),
    "submit": (None, lambda runner: runner.submit(answer).result()),
    "iterate": (None, lambda runner: next(runner.iterate(items()))),
    "read ahead": (None, lambda runner: next(runner.iterate(items(), read_ahead=2))),
    "enter": (None, enter),
    "map": (None, lambda runner: next(runner.map(answer, [1, 2]))),
    "run_sync": ({}, lambda manager: manager.run_sync(answer)),
    "shared": ({"scope": "process"}, lambda manager: manager.run_sync(answer)),
    "context back": ({"copy_context_back": True}, lambda manager: manager.run_sync(answer)),
    "manager's submit": ({}, lambda manager: manager.submit(answer).result()),
    "synced": ({}, lambda manager: manager.synced(answer)()),
    "object": ({}, lambda manager: manager.synced(Client)().ask()),
}
"""With the options of a manager, or on a runner."""


@pytest.fixture(params=WAYS)
def call(request: pytest.FixtureRequest, kind: type[Broken]) -> Generator[Callable[[], object]]:
    options, way = WAYS[request.param]
    owner = (
        Runner(loop_factory=kind) if options is None else LoopManager(loop_factory=kind, **options)
    )
    yield lambda: way(owner)
    owner.close()


class TestALoopThatDoesNotRun:
    def test_is_an_error_for_the_call_and_not_one_loop_after_the_other(
        self, kind: type[Broken], call: Callable[[], object]
    ) -> None:
        for calls in range(1, 4):
            with pytest.raises(LoopStoppedError, match=r"was not started.*run_forever") as raised:
                call()
            # Some look which loop it is before they call there.
            assert calls <= kind.made <= 2 * calls
            cause = raised.value.__cause__
            assert (cause is REASON) == (kind is Raises)
            assert isinstance(cause, SystemExit) == (kind is Exits)

    def test_is_replaced_by_the_next_call(
        self, kind: type[Broken], call: Callable[[], object]
    ) -> None:
        with pytest.raises(LoopStoppedError):
            call()
        kind.works = True
        assert call() == 42
        assert kind.made <= 3


class TestWhatLivesOnALoopThatIsReplacedByOneThatDoesNotRun:
    def test_hears_of_it(self, kind: type[Broken]) -> None:
        kind.works = True
        manager = LoopManager(loop_factory=kind)
        client: Any = manager.synced(Client)()
        assert client.ask() == 42

        async def stop() -> None:
            asyncio.get_running_loop().stop()

        kind.works = False
        with contextlib.suppress(LoopStoppedError):
            manager.run_sync(stop)
        with pytest.raises(LoopStoppedError, match="was not started"):
            client.ask()
        with pytest.raises(LoopStoppedError, match="was not started"):
            asyncio.run(client.ask.aio())
        kind.works = True
        assert asyncio.run(client.ask.aio()) == 42
        manager.close()


class TestACallWhoseRunnerWasReplaced:
    def test_is_started_on_the_next_loop_if_others_stop_theirs(self) -> None:
        """Whoever stops a loop that has served is not the caller."""
        manager = LoopManager(scope="process")
        over = threading.Event()
        stopped: list[BaseException] = []

        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()

        def stop_time_and_again() -> None:
            while not over.is_set():
                try:
                    manager.run_sync(stop)
                except LoopStoppedError as error:
                    stopped.append(error)

        async def started() -> None:
            begun.append(1)

        begun: list[int] = []
        thread = threading.Thread(target=stop_time_and_again)
        thread.start()
        try:
            for number in range(programs.count(30, full=300)):
                with contextlib.suppress(LoopStoppedError):  # one that it was started on
                    manager.run_sync(started)
                assert len(begun) == number + 1
        finally:
            over.set()
            thread.join(scaled(20))
        assert stopped
        manager.close()
