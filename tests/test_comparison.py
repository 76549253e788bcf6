"""The comparison with other tools: sideloop's column of its page is what comes of its rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pace import scaled

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "contract"

sys.path.append(str(CONTRACT))

from twins.rows import ROWS, Row  # noqa: E402  # where it is is not known before

PAGE = (ROOT / "docs" / "comparison-twins.md").read_text("utf-8")

TRIED = [row for row in ROWS if row.name != "thread_sensitive"]
"""Not the one that needs another tool beside sideloop: the peers are elsewhere."""


def cell_of(row: Row) -> str:
    """What the page says of sideloop."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row.says} |")]
    return line.split(" | ")[1]


@pytest.mark.parametrize("row", TRIED, ids=lambda row: row.name)
def test_the_page_says_what_comes_of(row: Row) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "twins.attempt", row.name, "twin"],
        env=os.environ | {"PYTHONPATH": str(CONTRACT)},
        capture_output=True,
        text=True,
        timeout=scaled(row.seconds),
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, cell_of(row)), ended.stderr
