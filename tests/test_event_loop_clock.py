"""The loop's clock: what timers are due by."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest
from loops import OURS, WITH_BOTH, Loop, turn

import sideloop


class TestAClockThatShowsMuch:
    """One whose floats lie further apart than its resolution says."""

    @pytest.mark.parametrize("now", [2.0**40, 2.0**53, 1e18, -(2.0**53)])
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_runs_what_is_due_at_the_very_time_it_shows(self, now: float, debug: bool) -> None:
        class Standing(OURS):
            def time(self) -> float:
                return now

        ran: list[str] = []
        loop = Standing()
        loop.set_debug(debug)
        loop.call_at(now, ran.append, "now")
        loop.call_later(1e-9, ran.append, "in no time")
        loop.call_at(now + 2.0**20, ran.append, "much later")
        for _ in range(2):
            loop.call_soon(loop.stop)
            loop.run_forever()
        loop.close()
        assert sorted(ran) == ["in no time", "now"]

    @pytest.mark.parametrize("now", [float("inf"), float("nan")])
    def test_without_a_number_is_no_clock_but_ends_a_turn(self, now: float) -> None:
        class Broken(OURS):
            def time(self) -> float:
                return now

        ran: list[str] = []
        loop = Broken()
        loop.call_soon(ran.append, "ran")
        loop.call_at(1.0, ran.append, "timer")
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        assert ran[0] == "ran"


class Moving:
    """A clock that stands still but for what it is moved by."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self, *_: object) -> float:
        return self.now


def on_the_loop(loop: Loop, clock: Moving) -> AbstractContextManager[Any]:
    return mock.patch.object(loop, "time", clock)


def on_its_class(loop: Loop, clock: Moving) -> AbstractContextManager[Any]:
    return mock.patch.object(type(loop), "time", clock)


def as_freezegun_does(_: Loop, clock: Moving) -> AbstractContextManager[Any]:
    return mock.patch("time.monotonic", clock)


def in_asyncios_module(_: Loop, clock: Moving) -> AbstractContextManager[Any]:
    return mock.patch("asyncio.base_events.time", mock.Mock(monotonic=clock))


class TestAPatchedClock:
    @WITH_BOTH
    @pytest.mark.parametrize(
        "patch",
        [on_the_loop, on_its_class, as_freezegun_does, in_asyncios_module],
        ids=lambda patch: patch.__name__,
    )
    def test_is_what_timers_are_due_by(
        self, make: type[Loop], patch: Callable[[Loop, Moving], AbstractContextManager[Any]]
    ) -> None:
        class Patched(make):  # type: ignore[misc, valid-type]
            pass

        loop, clock, fired = Patched(), Moving(), []
        with patch(loop, clock):
            assert loop.time() == clock.now
            timer = loop.call_later(60, fired.append, "later")
            assert timer.when() == clock.now + 60
            loop.call_at(clock.now + 3600, fired.append, "at")
            turn(loop)
            assert fired == []
            clock.now += 61
            turn(loop)
            assert fired == ["later"]
            clock.now += 3600
            turn(loop)
            assert fired == ["later", "at"]
        # And back to the time that there was before.
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        loop.close()

    @WITH_BOTH
    def test_is_seen_when_it_is_patched_in_a_turn(self, loop: Loop) -> None:
        fired: list[str] = []

        async def main() -> None:
            clock = Moving()
            asyncio.get_running_loop().call_later(60, fired.append, "fired")
            with mock.patch("time.monotonic", clock):
                clock.now += 61
                for _ in range(3):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

        loop.run_until_complete(main())
        assert fired == ["fired"]

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_is_seen_on_the_loop_of_a_runner(self, drive: Any) -> None:
        async def main() -> list[str]:
            fired: list[str] = []
            clock = Moving()
            asyncio.get_running_loop().call_later(60, fired.append, "fired")
            with mock.patch.object(asyncio.get_running_loop(), "time", clock):
                clock.now += 61
                for _ in range(3):
                    await asyncio.sleep(0)
            return fired

        with sideloop.Runner(drive=drive) as runner:
            assert runner.run(main) == ["fired"]

    def test_that_raises_raises_in_the_one_who_asks(self, loop: Loop) -> None:
        with mock.patch.object(loop, "time", side_effect=LookupError("no clock")):
            with pytest.raises(LookupError, match="no clock"):
                loop.call_later(1, print)
            loop.call_at(1.0, print)
            with pytest.raises(LookupError, match="no clock"):
                turn(loop)
        loop._scheduled.clear()  # type: ignore[attr-defined]
        turn(loop)


class TestTheSystemsClock:
    def test_is_read_as_python_reads_it(self, loop: Loop) -> None:
        for _ in range(1000):
            before = time.monotonic()
            when = loop.call_later(0.0, int).when()
            assert before <= when <= time.monotonic()
