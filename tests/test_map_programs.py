"""The map and what comes from outside: Ctrl-C, the interpreter's end, a fork."""

import signal

import pytest
from programs import Program

THREADS = ["default", "manager", "process", "runner"]
"""Whose map it is, where loops have threads."""

ALL = [*THREADS, "driven", "driven_runner"]


class TestCtrlC:
    @pytest.mark.parametrize(
        ("what", "whose"),
        [
            *(("waits", whose) for whose in ALL),
            # A driven loop begins nothing while its caller is busy.
            *((what, whose) for what in ("computes", "drops", "pulls") for whose in THREADS),
        ],
    )
    def test_cancels_what_is_in_flight_and_lets_it_unwind(self, what: str, whose: str) -> None:
        with Program("map", what, whose) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            ended = program.finish()
        assert ended.code == 0, ended
        assert ended.lines == ["KeyboardInterrupt", "11 began, 11 unwound", "0 tasks left, 90"]

    @pytest.mark.parametrize("whose", ["manager", "process", "runner"])
    def test_while_an_item_blocks_the_loop_leaves_it_behind_and_the_next_call_works(
        self, whose: str
    ) -> None:
        with Program("map", "blocks", whose) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            ended = program.finish()
        assert ended.code == 0, ended
        assert ended.lines == ["KeyboardInterrupt", "42", "90"]
        assert "block() blocks the event loop" in ended.stderr


@pytest.mark.parametrize("whose", ALL)
class TestTheEndOfTheInterpreter:
    def test_lets_what_is_in_flight_unwind_and_is_quiet(self, whose: str) -> None:
        with Program("map", "ends", whose) as program:
            ended = program.finish()
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.lines == ["unwound"] * 3


@pytest.mark.parametrize("whose", ALL)
class TestAFork:
    def test_takes_no_part_in_the_map_of_the_parent(self, whose: str) -> None:
        with Program("map", "forks", whose) as program:
            ended = program.finish()
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.lines == ["True", "10", "True"]
