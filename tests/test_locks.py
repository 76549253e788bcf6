"""No lock of ours is held while Python code runs, and none is waited for attached."""

import sys

import programs
import pytest


class TestALock:
    @pytest.mark.parametrize(
        "meeting",
        [
            pytest.param("constructor", id="an exception's constructor"),
            pytest.param("threads", id="other threads"),
            pytest.param("handler", id="a signal handler"),
            pytest.param(
                "descriptor",
                id="a selector's fileno",
                marks=pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's"),
            ),
        ],
    )
    def test_is_not_held_over(self, meeting: str) -> None:
        ended = programs.run("locks", meeting)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "over\n", "")
