"""Signals on the main thread while it waits for a call: real ones, each to a process of its own."""

import signal

import programs
import pytest
from pace import scaled
from programs import Ended, Program

BLOCKED_GRACE = 0.2
"""The grace of the programs' hasty manager."""


@pytest.fixture(params=programs.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return programs.kind_or_skip(request.param)


def interrupted(what: str, kind: str, number: int = signal.SIGINT) -> Ended:
    """Run the program, and send it the signal when it waits."""
    with Program("interrupt", what, kind) as program:
        program.wait_for("waiting")
        program.send(number)
        return program.finish()


class TestCtrlC:
    def test_cancels_the_task_and_waits_until_it_has_unwound(self, kind: str) -> None:
        ended = interrupted("cancels", kind)
        assert ended.lines == [
            "cleaned up",
            "KeyboardInterrupt because of CancelledError",
            "42",
            "0 tasks left",
        ]
        assert (ended.code, ended.stderr) == (0, "")

    def test_works_again_and_again(self, kind: str) -> None:
        with Program("interrupt", "again", kind) as program:
            for _ in range(3):
                program.wait_for("waiting")
                program.send(signal.SIGINT)
                program.wait_for("cleaned up")
            ended = program.finish()
        assert (ended.code, ended.stdout, ended.stderr) == (0, "42\n", "")

    def test_that_nobody_catches_ends_the_program_after_the_cleanup(self, kind: str) -> None:
        ended = interrupted("passes", kind)
        assert ended.lines == ["cleaned up"]
        assert ended.code == -signal.SIGINT
        assert ended.stderr.splitlines()[-1] == "KeyboardInterrupt"

    def test_pressed_twice_leaves_at_once(self, kind: str) -> None:
        with Program("interrupt", "twice", kind) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            program.wait_for("unwinding")
            program.send(signal.SIGINT)
            program.wait_for("KeyboardInterrupt")
            ended = program.finish()
        assert ended.lines == ["42"]
        assert ended.code == 0
        assert "wait_for_ever_to_clean_up" in ended.stderr

    def test_leaves_a_coroutine_that_blocks_its_loop_within_grace(self, kind: str) -> None:
        ended = interrupted("blocked", kind)
        assert ended.seconds < scaled(10)
        assert ended.lines == ["KeyboardInterrupt", "42"]
        assert ended.code == 0
        assert "block()" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_leaves_a_task_that_ignores_its_cancellation_within_grace(self, kind: str) -> None:
        ended = interrupted("ignored", kind)
        assert ended.seconds < scaled(10)
        assert ended.lines == ["KeyboardInterrupt", "42"]
        assert ended.code == 0
        assert "stubborn()" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_goes_through_calls_that_wait_for_calls(self, kind: str) -> None:
        ended = interrupted("nested", kind)
        assert ended.lines == ["cleaned up", "KeyboardInterrupt", "42"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_is_answered_within_fifty_milliseconds(self, kind: str) -> None:
        ended = programs.run("interrupt", "prompt", kind)
        assert ended.code == 0, ended
        delays = [int(delay) for delay in ended.stdout.split()]
        assert len(delays) == 8
        assert max(delays) < scaled(50)


class TestAStormOfSignals:
    def test_lets_nothing_but_keyboard_interrupt_out_and_leaves_no_task(self, kind: str) -> None:
        ended = programs.run("interrupt", "storm", kind)
        assert ended.lines == ["[] strays", "interrupted: True", "42"], ended
        assert ended.code == 0
        assert "Traceback" not in ended.stderr


class TestASignalHandler:
    def test_may_call_run_sync_two_hundred_times_a_second_while_a_call_waits(
        self, kind: str
    ) -> None:
        ended = programs.run("interrupt", "handler_calls", kind)
        assert (ended.stdout, ended.stderr) == ("True\nTrue\n{42}\n", "")
        assert ended.code == 0

    def test_may_call_run_sync_while_a_call_makes_its_loop(self, kind: str) -> None:
        ended = programs.run("interrupt", "handler_calls_first", kind)
        assert (ended.stdout, ended.stderr) == ("{42}\n", "")
        assert ended.code == 0

    def test_that_exits_lets_the_cleanup_run_first(self, kind: str) -> None:
        ended = interrupted("terminated", kind, signal.SIGTERM)
        assert (ended.stdout, ended.stderr) == ("cleaned up\n", "")
        assert ended.code == 7

    def test_that_raises_lets_the_cleanup_run_first(self, kind: str) -> None:
        ended = interrupted("raises", kind, signal.SIGHUP)
        assert (ended.stdout, ended.stderr) == ("cleaned up\nReloadError: now\n", "")
        assert ended.code == 0

    def test_that_raises_an_error_with_a_cause_keeps_that_cause(self, kind: str) -> None:
        ended = interrupted("raises_with_a_cause", kind, signal.SIGHUP)
        assert ended.lines == ["cleaned up", "True", "CancelledError"], ended
        assert (ended.code, ended.stderr) == (0, "")

    def test_that_raises_while_a_time_limit_unwinds_the_task_outranks_the_limit(
        self, kind: str
    ) -> None:
        ended = interrupted("raises_in_a_time_limit", kind)
        assert ended.lines == ["KeyboardInterrupt after TimeoutError"], ended

    def test_that_raises_while_the_first_one_is_answered_is_heard(self, kind: str) -> None:
        with Program("interrupt", "raises_twice", kind) as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            program.wait_for("unwinding")
            program.send(signal.SIGTERM)
            ended = program.finish()
        assert ended.lines == ["SystemExit after KeyboardInterrupt"], ended

    def test_that_raises_while_a_call_left_behind_is_named_is_heard(self, kind: str) -> None:
        ended = programs.run("interrupt", "raises_in_the_warning", kind)
        assert ended.lines == ["KeyboardInterrupt after TimeoutError", "42"], ended

    def test_that_returns_does_not_end_the_call(self, kind: str) -> None:
        ended = interrupted("harmless", kind, signal.SIGHUP)
        assert (ended.stdout, ended.stderr) == ("heard\n", "")
        assert ended.code == 0
