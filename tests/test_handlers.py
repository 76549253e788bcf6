"""What a signal handler raises, whatever it is, comes out of what the main thread waits in."""

import pytest
from programs import run


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestWhatAHandlerRaises:
    def test_comes_out_of_each_wait(self, drive: str) -> None:
        ended = run("handlers", drive)
        assert (ended.code, ended.stderr) == (0, "")
        waits = 10 if drive == "caller" else 13
        assert len(ended.lines) == waits * 11
        assert [line for line in ended.lines if not line.endswith(": came out")] == []
