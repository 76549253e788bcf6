"""Very many calls and threads: each answer is right, and nothing grows."""

import programs
import pytest
from programs import count

LIMIT = 600.0
"""Seconds, for counts in full."""

pytestmark = pytest.mark.timeout(LIMIT + 20)


def run(what: str, kind: str, number: int) -> None:
    ended = programs.run("load", what, kind, number, limit=LIMIT)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "all right\n", "")


@pytest.mark.parametrize("kind", ["native", "uvloop"])
class TestLoad:
    def test_of_ten_thousand_short_threads_with_one_call_each_grows_nothing(
        self, kind: str
    ) -> None:
        run("short_threads", kind, 10_000)

    def test_of_a_million_calls_by_one_thread_grows_nothing(self, kind: str) -> None:
        run("one_thread", kind, count(30_000, full=1_000_000))

    @pytest.mark.parametrize("what", ["leak_by_python", "leak_by_c"])
    def test_is_seen_to_grow_by_fifty_bytes_a_call(self, kind: str, what: str) -> None:
        ended = programs.run("load", what, kind, 30_000, limit=LIMIT)
        assert ended.code == 1
        assert "AssertionError: (27000, " in ended.stderr

    def test_of_sixty_four_threads_gets_no_wrong_answer(self, kind: str) -> None:
        run("many_threads", kind, count(200, full=10_000))
