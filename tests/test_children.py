"""Children of multiprocessing and billiard: what they leave on loops cleans up at their end."""

import programs
import pytest


@pytest.mark.parametrize("library", ["multiprocessing", "billiard"])
class TestAChildThatEnds:
    @pytest.mark.parametrize("how", ["returns", "raises", "exits", "exits for SIGTERM"])
    def test_cleans_up(self, library: str, how: str) -> None:
        ended = programs.run("children", library, how, flags=())
        assert ended.lines == ["cleaned up", "closed a generator"], ended.stderr

    def test_exits_within_grace_if_a_task_will_not_stop(self, library: str) -> None:
        ended = programs.run("children", library, "leaves a stubborn task", flags=())
        assert ended.lines == ["cleaned up", "closed a generator"], ended.stderr
        assert ended.seconds < 10

    def test_lets_a_thread_that_is_no_daemon_finish_its_call(self, library: str) -> None:
        if library == "billiard":
            pytest.skip("its children do not wait for threads")
        ended = programs.run("children", library, "has a thread in a call", flags=())
        assert (ended.lines, ended.stderr) == (["finished"], "")


class TestAWorkerOfBilliardsPool:
    """celery's prefork worker."""

    @pytest.mark.parametrize("how", ["is closed", "is sent SIGTERM"])
    def test_cleans_up(self, how: str) -> None:
        ended = programs.run("children", "pool", how, flags=())
        assert ended.lines == ["cleaned up", "closed a generator"], ended.stderr
