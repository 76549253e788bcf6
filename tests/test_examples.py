"""The examples do what they say, quietly. The one on flytekit is in peers/."""

from pathlib import Path

import programs
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


class TestAnExample:
    @pytest.mark.parametrize("name", ["hello", "pages", "twin"])
    def test_runs_to_its_end_and_writes_nothing_to_stderr(self, name: str) -> None:
        ended = programs.run(EXAMPLES / name)
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.stdout
