"""What threads share of sideloop, used by several at once: without the lock, inside of it."""

import os
import subprocess
import sys

import programs
import pytest
from interpreters import FREE_THREADED
from programs import count

without_lock = pytest.mark.skipif(not FREE_THREADED, reason="this CPython has the interpreter lock")

WHAT = (
    "calls",
    "first_calls",
    "cancelled",
    "closed",
    "circles",
    "nested_stops",
    "submitted_nested",
    "callbacks",
    "handles",
    "errands",
    "iterators",
    "maps",
    "twins",
    "collections",
    "forks",
    "patches",
    "driven",
)


@pytest.mark.parametrize("what", WHAT)
def test_is_right_from_many_threads_at_once(what: str) -> None:
    done = programs.run("many_threads", what, str(count(40, full=2_000)), flags=())
    assert (done.code, done.lines, done.stderr) == (0, [what], "")


@without_lock
class TestTheImportWithoutTheLock:
    IMPORT = "import sideloop, sys; print(sys._is_gil_enabled())"

    def run(self, code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        ours = ("PYTHON_GIL", "SIDELOOP_FREE_THREADED")
        own = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**own, **environment},
        )

    def test_does_without_where_that_is_tested(self) -> None:
        done = self.run(self.IMPORT)
        tested = sys.version_info[:2] == (3, 13)
        assert done.stdout == f"{not tested}\n"
        assert (done.stderr == "") is tested

    def test_takes_it_as_cpython_has_extensions_do_where_somebody_has_asked(self) -> None:
        done = self.run(self.IMPORT, SIDELOOP_FREE_THREADED="0")
        assert done.stdout == "True\n"
        assert "The global interpreter lock (GIL) has been enabled to load module" in done.stderr
        assert "sideloop._sideloop._with_lock" in done.stderr

    def test_does_without_where_somebody_has_asked(self) -> None:
        done = self.run(self.IMPORT, SIDELOOP_FREE_THREADED="1")
        assert (done.stdout, done.stderr) == ("False\n", "")

    def test_is_refused_where_cpython_takes_none_and_sideloop_is_to_take_it(self) -> None:
        done = self.run(self.IMPORT, PYTHON_GIL="0", SIDELOOP_FREE_THREADED="0")
        assert "ImportError: sideloop takes the interpreter lock here, unless" in done.stderr
        assert "SIDELOOP_FREE_THREADED=1" in done.stderr
