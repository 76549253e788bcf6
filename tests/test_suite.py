"""The suite itself: a test that hangs fails, with all stacks, and the others run."""

import subprocess
import sys
from pathlib import Path

import pytest
from pace import scaled

ROOT = Path(__file__).parents[1]

HANGING = """
import asyncio
import threading

import sideloop


def wait_on_a_thread():
    threading.Event().wait(60)


def test_hangs_in_a_call():
    thread = threading.Thread(target=wait_on_a_thread, daemon=True)
    thread.start()
    sideloop.run_sync(asyncio.sleep, 60)


def test_hangs_in_a_call_that_it_drives_itself():
    with sideloop.Runner(drive="caller") as runner:
        runner.run(asyncio.sleep, 60)


def test_hangs_without_us():
    threading.Event().wait(60)


def test_passes():
    assert sideloop.run_sync(asyncio.sleep, 0, 22) == 22
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    test = tmp_path_factory.mktemp("hanging") / "test_hanging.py"
    test.write_text(HANGING)
    options = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "timeout=1", *options, str(test)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=scaled(60),
    )
    assert ended.returncode == 1
    return ended.stdout + ended.stderr


class TestATestThatHangs:
    def test_fails_alone(self, printed: str) -> None:
        assert printed.splitlines()[-1].startswith("3 failed, 1 passed")

    def test_shows_where_it_hangs(self, printed: str) -> None:
        assert printed.count("Failed: Timeout") >= 3
        assert "sideloop.run_sync(asyncio.sleep, 60)" in printed
        assert "in wait_on_a_thread" in printed
