"""Signals on the main thread while it drives a loop: real ones, each to a process of its own."""

import signal
import sys

import programs
import pytest
from pace import scaled
from programs import Ended, Program


def interrupted(what: str, number: int = signal.SIGINT) -> Ended:
    """Run the program, and send it the signal when it waits."""
    with Program("drive_interrupt", what) as program:
        program.wait_for("waiting")
        program.send(number)
        return program.finish()


class TestCtrlC:
    def test_cancels_the_task_and_waits_until_it_has_unwound(self) -> None:
        ended = interrupted("cancels")
        assert ended.lines == [
            "cleaned up",
            "KeyboardInterrupt because of CancelledError",
            "42",
            "0 tasks left",
        ]
        assert (ended.code, ended.stderr) == (0, "")

    def test_that_nobody_catches_ends_the_program_after_the_cleanup(self) -> None:
        ended = interrupted("passes")
        assert ended.lines == ["cleaned up"]
        assert ended.code == -signal.SIGINT
        assert ended.stderr.splitlines()[-1] == "KeyboardInterrupt"

    def test_pressed_twice_leaves_at_once(self) -> None:
        with Program("drive_interrupt", "twice") as program:
            program.wait_for("waiting")
            program.send(signal.SIGINT)
            program.wait_for("unwinding")
            program.send(signal.SIGINT)
            program.wait_for("KeyboardInterrupt")
            ended = program.finish()
        assert (ended.lines, ended.code) == (["42"], 0)
        assert "wait_for_ever_to_clean_up" in ended.stderr

    def test_ends_a_coroutine_that_blocks(self) -> None:
        ended = interrupted("blocked")
        assert ended.seconds < scaled(10)
        assert ended.lines == ["KeyboardInterrupt", "42"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_leaves_a_task_that_ignores_its_cancellation_within_grace(self) -> None:
        ended = interrupted("ignored")
        assert ended.seconds < scaled(10)
        assert ended.lines == ["KeyboardInterrupt", "42"]
        assert ended.code == 0
        assert "stubborn()" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_goes_through_calls_that_wait_for_calls(self) -> None:
        ended = interrupted("nested")
        assert ended.lines == ["cleaned up", "KeyboardInterrupt", "42"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_is_answered_whenever_it_comes(self) -> None:
        # One that comes while Python reads a source file, for a traceback, leaves that unclosed.
        flags = ("-W", "error", "-W", "ignore::ResourceWarning")
        ended = programs.run("drive_interrupt", "prompt", flags=flags)
        assert (ended.stdout, ended.stderr) == ("0 of 200 answered late\n", "")

    def test_ends_a_close_that_unwinds(self) -> None:
        ended = interrupted("closes")
        assert ended.lines[0] == "KeyboardInterrupt"
        assert ended.seconds < scaled(10)


class TestASignalHandler:
    def test_may_call_while_a_call_waits(self) -> None:
        ended = programs.run("drive_interrupt", "handler_calls")
        assert (ended.stdout, ended.stderr) == ("{42}\n", "")
        assert ended.code == 0

    def test_that_exits_lets_the_cleanup_run_first(self) -> None:
        ended = interrupted("terminated", signal.SIGTERM)
        assert (ended.code, ended.stdout, ended.stderr) == (7, "cleaned up\n", "")

    @pytest.mark.skipif(sys.version_info >= (3, 14), reason="a task is made without Python code")
    @pytest.mark.parametrize("where", ["call", "task"])
    def test_that_raises_while_a_task_is_made_leaves_none(self, where: str) -> None:
        ended = programs.run("drive_interrupt", "makes", where)
        assert ended.stdout.splitlines() == ["KeyboardInterrupt", "42", "0 tasks left"]
        assert (ended.code, ended.stderr) == (0, "")

    @pytest.mark.parametrize("where", ["soon", "later", "done"])
    def test_that_raises_any_error_in_a_callback_ends_the_call(self, where: str) -> None:
        ended = programs.run("drive_interrupt", "alarmed", where)
        assert ended.stdout.splitlines() == ["cleaned up", "AlarmError", "42"] * 3
        assert (ended.code, ended.stderr) == (0, "")


class TestALoopInDebugMode:
    """It schedules in Python code, in which a signal handler may raise."""

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_loses_no_step_and_no_callback_to_ctrl_c(self, moment: str) -> None:
        ended = programs.run("drive_interrupt", "debugged", moment, flags=())
        assert ended.stdout.splitlines() == ["0 of some unheard, 0 lost", "42"]
        assert (ended.code, ended.stderr) == (0, "")
