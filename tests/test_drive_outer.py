"""The drive: what runs around a driven loop goes on after it, whatever fails at its doors."""

import asyncio
import asyncio.events
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest

from sideloop import LoopManager, Runner


class RefusedError(Exception):
    pass


class Doors:
    """What a loop is entered and left by. The n-th use fails, or two that follow each other."""

    def __init__(self) -> None:
        self.uses = 0
        self.refused = range(0)
        self.armed = False

    def refuse(self, first: int, times: int) -> None:
        self.uses, self.refused, self.armed = 0, range(first, first + times), True

    def guarding(self, door: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: Any, **kwargs: Any) -> object:
            if self.armed:
                self.uses += 1
                if self.uses in self.refused:
                    raise RefusedError(f"use {self.uses}")
            return door(*args, **kwargs)

        return guarded


@pytest.fixture(
    params=["set_asyncgen_hooks", "get_asyncgen_hooks", "_set_running_loop", "all of them"]
)
def doors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    doors = Doors()
    for module, name in [
        (sys, "set_asyncgen_hooks"),
        (sys, "get_asyncgen_hooks"),
        (asyncio.events, "_set_running_loop"),
    ]:
        if request.param in (name, "all of them"):
            monkeypatch.setattr(module, name, doors.guarding(getattr(module, name)))
    yield doors
    doors.armed = False


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def numbers() -> AsyncGenerator[int]:
    yield 42


class Calls:
    """Calls of each kind. What they open stays open, since to drop it would be one more."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._opened: list[Any] = []
        self.runner = Runner(drive="caller")

    def __call__(self) -> object:
        if self._what == "run":
            return self.runner.run(answer)
        opened: Iterator[int] = (
            self.runner.iterate(numbers())
            if self._what == "iterate"
            else self.runner.map(lambda _: answer(), [1, 2])
        )
        self._opened.append(opened)
        return next(opened)


@pytest.fixture(params=["run", "iterate", "map"])
def call(request: pytest.FixtureRequest, doors: Doors) -> Iterator[Calls]:
    calls = Calls(request.param)
    yield calls
    doors.armed = False
    asyncio.events._set_running_loop(None)
    calls.runner.close()


def attempt(call: Callable[[], object]) -> object:
    with contextlib.suppress(RefusedError):
        return call()
    return RefusedError


class TestADoorThatFails:
    @pytest.mark.parametrize("times", [1, 2])
    def test_fails_that_call_and_not_the_next(self, doors: Doors, call: Calls, times: int) -> None:
        assert call() == 42
        hooks = sys.get_asyncgen_hooks()
        failed = 0
        # Each use of a door that a call makes.
        for first in range(1, 100):
            doors.refuse(first, times)
            found = attempt(call)
            doors.armed = False
            failed += found is RefusedError
            if times == 1:
                assert asyncio._get_running_loop() is None
                assert sys.get_asyncgen_hooks() == hooks
            else:
                # What refuses twice to let the thread's own go on keeps it from that.
                asyncio.events._set_running_loop(None)
                sys.set_asyncgen_hooks(*hooks)
            assert call() == 42
            if doors.uses < first:
                break
            assert found is RefusedError
        assert failed
        assert asyncio.run(answer()) == 42

    def test_leaves_the_loop_running_that_runs_outside(self, doors: Doors, call: Calls) -> None:
        async def outside() -> None:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            hooks = sys.get_asyncgen_hooks()
            assert call() == 42
            for first in range(1, 100):
                doors.refuse(first, 1)
                attempt(call)
                doors.armed = False
                assert asyncio.get_running_loop() is loop
                assert asyncio.current_task() is task
                assert sys.get_asyncgen_hooks() == hooks
                await asyncio.sleep(0)
                if doors.uses < first:
                    break
            assert call() == 42

        asyncio.run(outside())


class TestAClose:
    def test_closes_the_loop_if_a_door_fails(self, doors: Doors) -> None:
        log: list[str] = []

        async def background() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                log.append("cleaned up")

        async def start() -> asyncio.AbstractEventLoop:
            kept.append(asyncio.get_running_loop().create_task(background()))
            await asyncio.sleep(0)
            return asyncio.get_running_loop()

        kept: list[asyncio.Task[None]] = []
        manager = LoopManager(drive="caller")
        loop = manager.run_sync(start)
        doors.refuse(1, 1)
        attempt(manager.close)
        doors.armed = False
        assert loop.is_closed()
        assert asyncio._get_running_loop() is None
        assert manager.run_sync(answer) == 42
        assert log == ["cleaned up"]
        manager.close()
