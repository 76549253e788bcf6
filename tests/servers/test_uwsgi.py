"""uwsgi, whose C code forks, with the application loaded before that, or after it."""

import signal
from pathlib import Path

import pytest
from serving import check_answers, serving

pytest.importorskip("pyuwsgi", reason="is not made for this system")

UWSGI = (
    *("-c", "import pyuwsgi; pyuwsgi.run()"),
    *("--http-socket", "127.0.0.1:{port}", "--module", "wsgi", "--die-on-term"),
    *("--master", "--enable-threads", "--disable-logging"),
)

PROCESSES = ("--processes", "2")

THREADS = ("--threads", "4")

BUSY_AT_THE_FORK = """
import asyncio
import store
import uwsgi

async def never_idle():
    while True:
        await asyncio.sleep(0)

def renew():
    store.renew()
    print("renewed", flush=True)

store.manager.submit(never_idle)
uwsgi.post_fork_hook = renew
"""
"""A thread that takes the interpreter's lock again and again: a fork must not copy it as taken."""


class TestUwsgi:
    def test_serves_calls_and_twins_of_its_processes(self, tmp_path: Path) -> None:
        with serving(tmp_path, *UWSGI, *PROCESSES, "--lazy-apps") as server:
            assert 1 <= len(check_answers(server, "double", "twin")) <= 2
            # One that is ended while it loads the application says so, in a traceback.
            server.wait_for("WSGI app 0", times=2)
            assert server.stop(signal.SIGTERM) == 0
            assert "Traceback" not in server.log

    def test_serves_what_was_loaded_before_the_fork(self, tmp_path: Path) -> None:
        (tmp_path / "hook.py").write_text(BUSY_AT_THE_FORK, encoding="utf-8")
        options = ("--import", "hook", "--pythonpath", str(tmp_path), "--py-call-uwsgi-fork-hooks")
        with serving(tmp_path, *UWSGI, *PROCESSES, *options) as server:
            assert 1 <= len(check_answers(server, "double", "twin")) <= 2
            # As above.
            server.wait_for("renewed", times=2)
            assert server.stop(signal.SIGTERM) == 0
            assert "Traceback" not in server.log

    def test_goes_on_while_calls_of_its_threads_wait(self, tmp_path: Path) -> None:
        with serving(tmp_path, *UWSGI, *THREADS, "--lazy-apps") as server:
            assert {text for _, text in server.get_all(["/meet/4"] * 4)} == {"4"}
