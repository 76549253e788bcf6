"""Iterators and context managers in the face of signals, forks and the exit: each a process."""

import signal

import programs
import pytest
from programs import Ended, Program


@pytest.fixture(params=["native", "foreign", "driven"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def interrupted(what: str, kind: str) -> Ended:
    with Program("views", what, kind) as program:
        program.wait_for("waiting")
        program.send(signal.SIGINT)
        return program.finish()


class TestCtrlC:
    def test_in_a_step_has_the_generator_unwind_first(self, kind: str) -> None:
        ended = interrupted("interrupted_step", kind)
        cleaned_up, raised, *rest = ended.lines
        assert (cleaned_up, rest) == ("cleaned up", ["[]", "[0, 1, 2]"])
        # Where the caller drives, the signal's handler may run inside of the coroutine.
        causes = ["CancelledError", "NoneType"] if kind == "driven" else ["CancelledError"]
        assert raised in [f"KeyboardInterrupt because of {cause}" for cause in causes]
        assert (ended.code, ended.stderr) == (0, "")

    def test_in_a_block_has_it_exit_first(self, kind: str) -> None:
        ended = interrupted("interrupted_body", kind)
        assert ended.lines == ["closed", "KeyboardInterrupt"]
        assert (ended.code, ended.stderr) == (0, "")


class TestASignalHandler:
    def test_may_iterate_while_the_main_thread_does(self, kind: str) -> None:
        ended = programs.run("views", "handler_iterates", kind)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "True\n", "")


class TestTheExit:
    def test_has_what_is_open_clean_up(self, kind: str) -> None:
        ended = programs.run("views", "exits", kind)
        assert sorted(ended.lines) == ["cleaned up", "closed"]
        assert (ended.code, ended.stderr) == (0, "")


class TestFork:
    def test_leaves_what_is_open_to_the_parent(self, kind: str) -> None:
        ended = programs.run("views", "forks", kind)
        assert ended.lines == ["0", "[2, 3, 4, 5, 6, 7, 8, 9]", "closed"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_while_another_thread_is_inside_is_what_the_child_is_told_of(self) -> None:
        ended = programs.run("views", "forks_while_another_thread_enters", "native")
        assert ended.lines == [*["child: RuntimeError True"] * 3, "parent"]
        assert (ended.code, ended.stderr) == (0, "")
