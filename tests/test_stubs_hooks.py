"""Stubs say what sync users may pass where async code asks for async callables."""

from pathlib import Path

import pytest
from stubbed import check_by_pyright, copy_with_stubs
from test_typing import check


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    """A directory with the package of `libraries/feeds` and its stubs."""
    return copy_with_stubs("feeds", tmp_path)


class TestStubsOfWhatTakesHooks:
    def test_satisfy_mypy(self, feeds: Path) -> None:
        check("mypy", "--strict", "feeds/sync.pyi", "feeds_user.py", directory=feeds)

    def test_satisfy_pyright(self, feeds: Path) -> None:
        check_by_pyright(feeds, "feeds/sync.pyi", "feeds_user.py")
