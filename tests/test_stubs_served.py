"""Stubs say what the twin of anything else than an `async def` gives, and that is so."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_typing import check

LIBRARIES = Path(__file__).with_name("libraries")

DRIVER = """
import typing, typing_extensions

def check(value, kind):
    assert isinstance(value, typing.get_origin(kind) or kind), (value, kind)
    checked.append(value)

checked = []
typing_extensions.assert_type = check
import market_user
print(len(checked))
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A directory with the package of `libraries/market` and its stubs."""
    shutil.copytree(LIBRARIES / "market", tmp_path / "market", ignore=lambda *_: ["__pycache__"])
    shutil.copy(LIBRARIES / "market_user.py", tmp_path)
    command = [sys.executable, "-m", "sideloop", "stubs", "market"]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return tmp_path


class TestStubsOfWhatIsServed:
    def test_satisfy_mypy(self, market: Path) -> None:
        stubs = ("market/sync.pyi", "market/api.pyi")
        check("mypy", "--strict", *stubs, "market_user.py", directory=market)

    def test_satisfy_pyright(self, market: Path) -> None:
        (market / "pyrightconfig.json").write_text(
            '{"typeCheckingMode": "strict", "enableTypeIgnoreComments": false,'
            ' "reportUnnecessaryTypeIgnoreComment": "error"}'
        )
        stubs = ("market/sync.pyi", "market/api.pyi")
        check("pyright", "--pythonpath", sys.executable, *stubs, "market_user.py", directory=market)

    def test_hold_when_it_is_run(self, market: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", DRIVER],
            cwd=market,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert int(ended.stdout) > 25
