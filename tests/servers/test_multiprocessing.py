"""multiprocessing, by each way in which it starts children."""

import programs
import pytest
from serving import APPS


class TestAChild:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_calls_and_has_twins(self, method: str) -> None:
        ended = programs.run(APPS / "processes", method, flags=())
        assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")
