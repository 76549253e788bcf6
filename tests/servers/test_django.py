"""Django's runserver: a thread for each request, a new process when the code has changed."""

import contextlib
import shutil
import signal
import time
from pathlib import Path

from pace import scaled
from serving import APPS, TIME_LIMIT, check_answers, serving

RUNSERVER = ("project.py", "runserver", "127.0.0.1:{port}")


class TestRunserver:
    def test_serves_sync_and_async_views(self, tmp_path: Path) -> None:
        shutil.copy(APPS / "project.py", tmp_path)
        with serving(tmp_path, *RUNSERVER, "--noreload") as server:
            assert len(check_answers(server, "double", "twin", "aio")) == 1
            assert {text for _, text in server.get_all(["/meet/4"] * 4)} == {"4"}
            assert server.stop(signal.SIGINT) == 0
            assert "Traceback" not in server.log

    def test_serves_again_when_the_code_has_changed(self, tmp_path: Path) -> None:
        for name in ("project.py", "store.py"):
            shutil.copy(APPS / name, tmp_path)
        with serving(tmp_path, *RUNSERVER, PYTHONPATH="") as server:
            (before,) = check_answers(server, "double", "twin", each=4)
            source = (tmp_path / "store.py").read_text(encoding="utf-8")
            end = time.monotonic() + scaled(TIME_LIMIT)
            while f"{tmp_path}/store.py changed, reloading." not in server.log:
                # Again, until it watches.
                (tmp_path / "store.py").write_text(f"{source}\n# {time.monotonic()}\n", "utf-8")
                assert time.monotonic() < end, server.log
                time.sleep(0.3)
            after = before
            while after == before:
                with contextlib.suppress(OSError):  # neither serves at the moment
                    after, _ = server.get("/double/1")
                assert time.monotonic() < end, server.log
            assert check_answers(server, "double", "twin", "aio", each=4) == {after}
            assert server.stop(signal.SIGINT, session=True) in (0, 130)
            assert "Traceback" not in server.log
