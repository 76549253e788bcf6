"""The examples do what they say, quietly. The one on flytekit is in peers/."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


class TestAnExample:
    @pytest.mark.parametrize("name", ["hello.py", "pages.py", "twin.py"])
    def test_runs_to_its_end_and_writes_nothing_to_stderr(self, name: str) -> None:
        ended = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout
