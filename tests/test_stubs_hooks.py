"""Stubs say what sync users may pass where async code asks for async callables."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_typing import check

LIBRARIES = Path(__file__).with_name("libraries")


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    """A directory with the package of `libraries/feeds` and its stubs."""
    shutil.copytree(LIBRARIES / "feeds", tmp_path / "feeds", ignore=lambda *_: ["__pycache__"])
    shutil.copy(LIBRARIES / "feeds_user.py", tmp_path)
    command = [sys.executable, "-m", "sideloop", "stubs", "feeds"]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return tmp_path


class TestStubsOfWhatTakesHooks:
    def test_satisfy_mypy(self, feeds: Path) -> None:
        check("mypy", "--strict", "feeds/sync.pyi", "feeds_user.py", directory=feeds)

    def test_satisfy_pyright(self, feeds: Path) -> None:
        (feeds / "pyrightconfig.json").write_text(
            '{"typeCheckingMode": "strict", "enableTypeIgnoreComments": false,'
            ' "reportUnnecessaryTypeIgnoreComment": "error"}'
        )
        options = ("--pythonpath", sys.executable, "feeds/sync.pyi", "feeds_user.py")
        check("pyright", *options, directory=feeds)
