"""The interpreter's exit: everything unwinds, nothing hangs, nothing is said that is not news."""

import contextlib
import sys
import time
from collections.abc import Generator

import programs
import pytest
from pace import scaled
from programs import Ended, Program, count

OWNERS = ["daemon", "default", "main", "nested", "runner", "shared", "thread"]
CLEANED_UP = sorted(
    f"{what} {owner} cleaned up" for owner in OWNERS for what in ("task", "generator")
)

EXITS_LIMIT = 300
"""Seconds for two hundred exits."""


@pytest.fixture(params=programs.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return programs.kind_or_skip(request.param)


def run(what: str, kind: str) -> Ended:
    return programs.run("exit", what, kind)


def run_often(what: str, kind: str, number: int) -> Generator[Ended]:
    """Some at once, so that they are in each other's way."""
    for at_once in [10] * (number // 10) + [number % 10]:
        with contextlib.ExitStack() as stack:
            started = [stack.enter_context(Program("exit", what, kind)) for _ in range(at_once)]
            yield from [program.finish() for program in started]


class TestExit:
    def test_after_calls_that_have_ended_is_quiet(self, kind: str) -> None:
        ended = run("nothing", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")

    def test_lets_pending_tasks_and_open_async_generators_clean_up(self, kind: str) -> None:
        ended = run("pending", kind)
        assert sorted(ended.lines) == CLEANED_UP
        assert (ended.code, ended.stderr) == (0, "")

    def test_lets_cleanups_use_executors(self, kind: str) -> None:
        ended = run("executor_in_cleanup", kind)
        owners = ["main", "nested", "runner", "ended thread"]
        owners += ["driven"] if kind == "native" else []
        assert sorted(ended.lines) == sorted(f"{one} cleaned up on a thread" for one in owners)
        assert (ended.code, ended.stderr) == (0, "")

    def test_keeps_the_users_exit_code(self, kind: str) -> None:
        ended = run("code", kind)
        assert sorted(ended.lines) == CLEANED_UP
        assert (ended.code, ended.stderr) == (3, "")

    def test_keeps_the_users_error(self, kind: str) -> None:
        ended = run("error", kind)
        assert sorted(ended.lines) == CLEANED_UP
        assert ended.code == 1
        assert ended.stderr.count("Traceback") == 1
        assert ended.stderr.endswith("ValueError: the user's\n")

    def test_leaves_a_task_that_will_not_stop_within_grace_and_names_it_once(
        self, kind: str
    ) -> None:
        ended = run("stubborn", kind)
        assert ended.code == 0
        assert ended.stderr.count("ignore()") == 1, ended
        assert "Traceback" not in ended.stderr
        assert ended.seconds < scaled(10)

    def test_cancels_the_calls_of_daemon_threads(self, kind: str) -> None:
        ended = run("daemon_waits", kind)
        assert ended.lines == ["cleaned up"] * 3
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.seconds < scaled(10)  # and not the 30 s of the calls

    @pytest.mark.timeout(EXITS_LIMIT)
    def test_does_not_wait_for_a_loop_thread_that_is_stuck_nor_abort(self, kind: str) -> None:
        for ended in run_often("stuck", kind, count(10, full=200)):
            assert ended.code == 3, ended
            assert ended.stdout == ""
            assert len(ended.stderr.splitlines()) == 1, ended
            assert "is stuck" in ended.stderr

    def test_neither_waits_for_nor_names_what_was_left_behind_and_named_before(
        self, kind: str
    ) -> None:
        with Program("exit", "named", kind) as program:
            program.wait_for("closed")
            begin = time.monotonic()
            ended = program.finish()
        assert ended.code == 3, ended
        assert time.monotonic() - begin < scaled(1.1)
        assert len(ended.stderr.splitlines()) == 2, ended

    @pytest.mark.timeout(EXITS_LIMIT)
    def test_is_quiet_while_daemon_threads_call_without_end(self, kind: str) -> None:
        for ended in run_often("busy_daemons", kind, count(6, full=200)):
            assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")

    @pytest.mark.timeout(EXITS_LIMIT)
    def test_is_quiet_while_daemon_threads_make_loops_without_end(self, kind: str) -> None:
        for ended in run_often("making_daemons", kind, count(10, full=200)):
            assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")

    def test_waits_for_the_call_of_a_thread_that_is_no_daemon(self, kind: str) -> None:
        if kind != "native" and sys.version_info[:2] == (3, 12):
            pytest.skip("no thread starts then, and a foreign loop cannot be driven by the caller")
        ended = run("worker", kind)
        assert ended.lines == ["finished", "42", "42"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_leaves_alone_what_a_thread_that_is_no_daemon_has_left_on_its_loop(
        self, kind: str
    ) -> None:
        ended = run("worker_between_calls", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "finished\nfinished\n", "")

    def test_is_quiet_while_a_call_waits_for_an_executor(self, kind: str) -> None:
        ended = run("executor", kind)
        assert ended.lines == ["executor finished"]
        assert (ended.code, ended.stderr) == (0, "")


class TestAnAtexitHandler:
    def test_can_call_on_a_loop_that_runs(self, kind: str) -> None:
        ended = run("handler", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "42\n42\n", "")

    def test_can_make_the_first_call(self, kind: str) -> None:
        if kind != "native" and sys.version_info[:2] == (3, 12):
            pytest.skip("no thread starts then, and a foreign loop cannot be driven by the caller")
        ended = run("first_in_handler", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "42\n", "")


class TestAFinalizerWhenModulesAreTornDown:
    def test_gets_an_error_and_does_not_hang(self, kind: str) -> None:
        ended = run("finalizer", kind)
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.stdout == "RuntimeError\n"
