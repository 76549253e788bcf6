"""The loop's clock: what timers are due by."""

from collections.abc import Generator

import pytest
from loops import OURS, Loop


@pytest.fixture
def make() -> type[Loop]:
    return OURS


@pytest.fixture
def loop(make: type[Loop]) -> Generator[Loop]:
    loop = make()
    yield loop
    loop.close()


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
