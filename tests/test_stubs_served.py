"""Stubs say what the twin of anything else than an `async def` gives, and that is so."""

import subprocess
import sys
from pathlib import Path

import pytest
from stubbed import check_by_pyright, copy_with_stubs
from test_typing import check

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
    return copy_with_stubs("market", tmp_path)


class TestStubsOfWhatIsServed:
    def test_satisfy_mypy(self, market: Path) -> None:
        stubs = ("market/sync.pyi", "market/api.pyi")
        check("mypy", "--strict", *stubs, "market_user.py", directory=market)

    def test_satisfy_pyright(self, market: Path) -> None:
        check_by_pyright(market, "market/sync.pyi", "market/api.pyi", "market_user.py")

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
