"""gunicorn, by each of its workers, with the application loaded before the fork, or after it."""

import contextlib
from importlib.util import find_spec
from pathlib import Path

import pytest
from serving import Server, check_answers, serving

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
"""What has to come before the application where that is loaded before the fork."""

GREENLETS = [name for name in PATCHES if find_spec(name)]
"""The libraries that are here: eventlet with the last version that has a worker for it."""

AT_ONCE = {"sync": (), "gthread": ("--threads", "8")} | dict.fromkeys(GREENLETS, ())
"""The workers, with what has each take several requests at once where it can."""

CONFIGURATION = """
{patch}

def post_fork(server, worker):
    import store
    store.renew()
"""


def gunicorn(
    worker: str, folder: Path, *options: str, **environment: str
) -> contextlib.AbstractContextManager[Server]:
    """Serve the application by such workers."""
    level = "warning"
    if worker == "eventlet":  # Both say that it is deprecated.
        level, environment = "error", {"PYTHONWARNINGS": "ignore"} | environment
    return serving(
        folder,
        *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", level),
        *("--workers", "2", "--worker-class", worker, *AT_ONCE[worker], *options),
        "wsgi:application",
        **environment,
    )


def configure(worker: str, folder: Path) -> None:
    """Write the configuration of an application that is loaded before the fork."""
    text = CONFIGURATION.format(patch=PATCHES.get(worker, ""))
    (folder / "gunicorn.conf.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("worker", AT_ONCE)
class TestGunicorn:
    def test_serves_calls_and_twins_of_its_workers(self, worker: str, tmp_path: Path) -> None:
        with gunicorn(worker, tmp_path) as server:
            assert 1 <= len(check_answers(server, "double", "twin")) <= 2
            assert (server.stop(), server.log) == (0, "")

    def test_serves_what_was_loaded_before_the_fork(self, worker: str, tmp_path: Path) -> None:
        configure(worker, tmp_path)
        with gunicorn(worker, tmp_path, "--preload") as server:
            assert 1 <= len(check_answers(server, "double", "twin")) <= 2
            assert (server.stop(), server.log) == (0, "")


@pytest.mark.parametrize("worker", [worker for worker in AT_ONCE if worker != "sync"])
class TestAWorkerThatTakesSeveralAtOnce:
    @pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["after", "before"])
    def test_goes_on_while_calls_wait(
        self, worker: str, preload: tuple[str, ...], tmp_path: Path
    ) -> None:
        if preload:
            configure(worker, tmp_path)
        with gunicorn(worker, tmp_path, "--workers", "1", *preload) as server:
            found = server.get_all(["/meet/4"] * 4)
            assert {text for _, text in found} == {"4"}


@pytest.mark.parametrize(
    ("worker", "options", "ways"),
    [
        ("sync", {"SCOPE": "process"}, ("double", "twin")),
        ("gthread", {"SCOPE": "process"}, ("double", "twin")),
        *((name, {"SCOPE": "process"}, ("double", "twin")) for name in GREENLETS),
        ("sync", {"DRIVE": "caller"}, ("double", "twin")),
        ("gthread", {"DRIVE": "caller"}, ("double",)),
    ],
)
class TestAManagerOfAnotherKind:
    def test_serves_as_the_default_one(
        self, worker: str, options: dict[str, str], ways: tuple[str, ...], tmp_path: Path
    ) -> None:
        with gunicorn(worker, tmp_path, **options) as server:
            check_answers(server, *ways)
            assert (server.stop(), server.log) == (0, "")


@pytest.mark.parametrize("worker", GREENLETS)
class TestCallersThatAreGreenlets:
    def test_cannot_drive_loops(self, worker: str, tmp_path: Path) -> None:
        with gunicorn(worker, tmp_path, DRIVE="caller") as server:
            with pytest.raises(AssertionError, match="Internal Server Error"):
                server.get("/double/1")
            assert "cannot be driven by its callers" in server.log


class TestAnObjectThatWasMadeBeforeTheFork:
    def test_says_so_in_the_workers(self, tmp_path: Path) -> None:
        with gunicorn("sync", tmp_path, "--preload") as server:
            assert check_answers(server, "double")
            with pytest.raises(AssertionError, match="fork"):
                server.get("/twin/1")
            assert "RunnerClosedError" in server.log
