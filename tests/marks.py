"""Tests that are skipped by their names."""

import fnmatch
from collections.abc import Iterable, Mapping

import pytest


def skip(items: Iterable[pytest.Item], reasons: Mapping[str, str]) -> None:
    """Skip what a pattern names, in which `[` stands for itself."""
    for item in items:
        test = item.nodeid.removeprefix("tests/")
        for pattern, reason in reasons.items():
            if fnmatch.fnmatchcase(test, pattern.replace("[", "[[]")):
                item.add_marker(pytest.mark.skip(reason=reason))
