"""An allocation that fails ends no process."""

import importlib.util

import programs
import pytest


@pytest.mark.skipif(
    importlib.util.find_spec("_testcapi") is None, reason="this CPython has no module _testcapi"
)
@pytest.mark.parametrize(
    ("drive", "entry"),
    [("thread", "run"), ("caller", "run"), ("thread", "iterate"), ("thread", "submit")],
)
def test_a_failed_allocation_aborts_nothing(drive: str, entry: str) -> None:
    ended = programs.run("no_memory", drive, entry, limit=120)
    assert ended.code == 0, ended
    assert ended.stdout == "[]\n"
