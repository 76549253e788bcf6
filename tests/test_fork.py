"""Forks: the child's first call works, and the parent's calls are undisturbed."""

import programs
import pytest
from programs import count

FORKS_LIMIT = 300.0
"""Seconds for a thousand forks."""


@pytest.fixture(params=programs.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return programs.kind_or_skip(request.param)


def run(
    what: str,
    kind: str,
    *more: object,
    flags: tuple[str, ...] = ("-W", "error"),
    limit: float = programs.TIME_LIMIT,
    program: str = "fork",
) -> None:
    """Run the program, in which each child checks itself and the parent checks them all."""
    ended = programs.run(program, what, kind, *more, flags=flags, limit=limit)
    assert (ended.stdout, ended.stderr) == ("the parent is undisturbed\n", "")
    assert ended.code == 0


class TestFork:
    def test_before_the_first_call(self, kind: str) -> None:
        run("never_called", kind)

    def test_while_the_loops_are_idle(self, kind: str) -> None:
        run("idle", kind)

    def test_while_another_thread_waits_in_a_call(self, kind: str) -> None:
        run("in_flight", kind)

    def test_by_a_second_thread_while_the_main_thread_waits_in_a_call(self, kind: str) -> None:
        run("second_thread", kind)

    def test_inside_a_coroutine(self, kind: str) -> None:
        run("inside", kind)

    @pytest.mark.timeout(FORKS_LIMIT + 20)
    def test_a_thousand_times_while_threads_call_without_end(self, kind: str) -> None:
        run("under_load", kind, count(40, full=1_000), limit=FORKS_LIMIT)

    def test_by_a_signal_handler_while_the_main_thread_waits_in_a_call(self, kind: str) -> None:
        run("by_a_handler", kind)

    def test_before_a_call_on_a_loop_that_a_thread_of_the_parents_runs(self, kind: str) -> None:
        run("inherited_loop", kind)

    def test_while_submitted_calls_run(self, kind: str) -> None:
        run("submitted", kind)

    def test_inside_of_a_managers_with_block(self, kind: str) -> None:
        run("closing", kind)

    def test_by_a_child_of_a_fork(self, kind: str) -> None:
        run("grandchild", kind)

    def test_by_multiprocessing(self, kind: str) -> None:
        run("multiprocess", kind)

    def test_by_a_server_that_forks_its_workers_in_advance(self, kind: str) -> None:
        run("prefork", kind)


class TestAForksChild:
    def test_that_exits_as_programs_do_leaves_the_parents_loops_alone(self, kind: str) -> None:
        # Without warnings and debug mode: the child does not close the parent's connections.
        run("exits", kind, flags=("-E",))

    def test_says_nothing_of_the_parents_tasks_that_it_drops(self, kind: str) -> None:
        run("tasks_dropped", kind)

    def test_that_closes_and_collects_leaves_the_parents_loops_alone(self, kind: str) -> None:
        run("collects", kind)


OURS_OR_ASYNCIOS = pytest.mark.parametrize("kind", ["native", "foreign"])


class TestAForkByWhatRunsOnALoopThread:
    """In the child the loop thread is the only one, and nobody waits for it.

    Not on uvloop: before its loop can be left, the child may take what was to wake the parent's.
    """

    @OURS_OR_ASYNCIOS
    @pytest.mark.parametrize(
        "place",
        [
            "in_a_call",
            "in_the_first_step",
            "in_the_function",
            "in_a_nested_call",
            "in_a_task",
            "in_a_callback",
            "in_a_step",
            "in_a_cleanup",
        ],
    )
    def test_ends_the_child_as_a_program_ends(self, place: str, kind: str) -> None:
        # The child does not close the parent's connections, nor run its coroutines to their end.
        run(place, kind, flags=("-E",), program="forked")

    @OURS_OR_ASYNCIOS
    def test_ends_the_child_as_a_program_ends_in_debug_mode(self, kind: str) -> None:
        run("in_a_call", kind, flags=("-X", "dev", "-W", "ignore"), program="forked")

    def test_lets_nothing_else_of_the_loop_run_in_the_child(self) -> None:
        # Of what is ready on uvloop nobody knows.
        for kind in ("native", "foreign"):
            run("with_others_ready", kind, flags=("-E",), program="forked")

    def test_says_that_the_child_cannot_await(self) -> None:
        # Nobody stops uvloop at once.
        for kind in ("native", "foreign"):
            run("that_awaits", kind, flags=("-E",), program="forked")


class TestAForkByCCode:
    """No at-fork hook of Python's runs."""

    def test_gives_the_child_calls_that_work(self, kind: str) -> None:
        run("from_c", kind)

    def test_that_detaches_gives_the_child_calls_that_work(self, kind: str) -> None:
        run("from_c_detached", kind)

    def test_on_a_loop_thread_ends_the_child(self) -> None:
        # A loop of others hears nothing of such a fork.
        run("in_c_code", "native", flags=("-E",), program="forked")
