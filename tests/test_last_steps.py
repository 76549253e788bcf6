"""Calls in the last steps of a thread, where what the thread keeps for itself is gone already."""

import sys

import programs
import pytest

WAYS = [
    "run_sync",
    "nested",
    "with_a_limit",
    "driving",
    "driving_and_leaving_a_task",
    "run",
    "driven",
    "submit",
    "iterate",
    "enter",
    "close",
]


@pytest.mark.skipif(sys.platform != "linux", reason="which destructor runs when is glibc's")
@pytest.mark.parametrize("before", ["again", "first"])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_in_the_destructor_of_a_pthread_key_works(way: str, before: str) -> None:
    ended = programs.run("last_steps", way, before)
    assert (ended.code, ended.lines) == (0, ["42", "42"]), ended
