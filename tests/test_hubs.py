"""Processes that gevent or eventlet has patched: a call waits so that other greenlets go on.

Each is a process of its own, since patches are for good.
"""

import importlib.util

import programs
import pytest

FLAGS = {
    "gevent": ("-W", "error", "-W", "ignore::DeprecationWarning", "-W", "ignore::ResourceWarning"),
    "eventlet": ("-W", "ignore"),  # it says that it is deprecated, by a warning of its own
}


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
class TestAProcessWhoseThreadsAreGreenlets:
    @pytest.fixture(autouse=True)
    def library_is_there(self, library: str) -> None:
        assert importlib.util.find_spec(library)

    @pytest.mark.parametrize("scene", ["calls", "many", "inside", "limit", "driven"])
    def test_is_served(self, library: str, scene: str) -> None:
        ended = programs.run("hubs", library, scene, flags=FLAGS[library])
        assert (ended.lines, ended.code) == (["done"], 0), ended.stderr

    def test_cleans_up_at_exit(self, library: str) -> None:
        ended = programs.run("hubs", library, "leftovers", flags=FLAGS[library])
        assert (ended.lines, ended.code) == (["done", "cleaned up"], 0), ended.stderr
        assert ended.seconds < 5
