"""Contexts are whole also if the collector has finalizers write to them in the midst of a copy."""

import programs
import pytest

WAYS = ["limit", "driven", "threaded", "submitted", "iterated", "callbacks", "brought_back"]


@pytest.mark.parametrize("way", WAYS)
def test_a_context_outlasts_a_finalizer_that_writes_to_it(way: str) -> None:
    ended = programs.run("collected", way)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")
