"""The fixtures of `sideloop.testing`, in a pytest of their own: what they blame, and what not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import asyncio
import threading
import pytest
import sideloop

pytestmark = pytest.mark.usefixtures("sideloop_no_leaks")
kept = []

async def wait():
    await asyncio.sleep(600)

async def spawn():
    kept.append(asyncio.get_running_loop().create_task(wait(), name="spawned"))

async def answer():
    return 42

async def count_tasks():
    return len(asyncio.all_tasks())

def test_good_default_runner():
    assert sideloop.run_sync(answer) == 42

def test_good_closed_runner():
    with sideloop.Runner() as runner:
        runner.run(spawn)

def test_good_closed_manager():
    manager = sideloop.LoopManager()
    manager.run_sync(answer)
    manager.close()

def test_good_task_that_ends_by_itself():
    async def spawn_short():
        kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(0.1)))
    sideloop.run_sync(spawn_short)

def test_good_map_that_breaks_off():
    for _ in sideloop.map(asyncio.sleep, [0, 600, 600]):
        break

def test_good_thread_that_ends():
    thread = threading.Thread(target=sideloop.run_sync, args=(asyncio.sleep, 0.1))
    thread.start()

def test_bad_runner():
    kept.append(sideloop.Runner(name="forgotten"))
    kept[-1].run(answer)

@pytest.mark.parametrize("drive", ["thread", "caller"])
def test_bad_manager(drive):
    kept.append(sideloop.LoopManager(drive=drive))
    kept[-1].run_sync(answer)

def test_bad_task():
    sideloop.run_sync(spawn)

def test_bad_call():
    thread = threading.Thread(target=call, daemon=True, name="forgotten thread")
    thread.start()
    while not kept_waiting:
        pass

kept_waiting = []

def call():
    async def forgotten():
        kept_waiting.append(1)
        await wait()
    try:
        sideloop.run_sync(forgotten)
    except asyncio.CancelledError:
        pass

def test_bad_map():
    kept.append(sideloop.map(asyncio.sleep, [0.05, 600, 600]))
    next(kept[-1])

def test_good_after_bad():
    assert sideloop.run_sync(count_tasks) == 1
"""

OVERRIDES = """
import pytest
import sideloop

manager = sideloop.LoopManager()

@pytest.fixture(scope="session")
def sideloop_kept_managers():
    return [sideloop.loop_manager, manager]

async def answer():
    return 42

def test_good_kept_manager(sideloop_no_leaks):
    assert manager.run_sync(answer) == 42
"""


def run_pytest(directory: Path, source: str) -> str:
    (directory / "test_it.py").write_text(source, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", "-W", "error", "-v", "."],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_pytest(tmp_path_factory.mktemp("suite"), SUITE)


class TestTheFixtures:
    def test_fail_the_tests_that_leak_and_no_others(self, report: str) -> None:
        blamed = set(re.findall(r"^ERROR test_it.py::(\S+)", report, re.MULTILINE))
        assert blamed == {
            "test_bad_runner",
            "test_bad_manager[thread]",
            "test_bad_manager[caller]",
            "test_bad_task",
            "test_bad_call",
            "test_bad_map",
        }, report
        assert "13 passed, 6 errors" in report

    def test_name_what_was_leaked_and_where_it_is(self, report: str) -> None:
        assert "runner 'forgotten'" in report
        assert re.search(r"task 'spawned' on runner '.*'\n.*File .*test_it.py.* in wait", report)
        assert "forgotten(), called by thread 'forgotten thread'" in report

    def test_spare_the_managers_that_are_named(self, tmp_path: Path) -> None:
        assert "1 passed" in run_pytest(tmp_path, OVERRIDES)

    def test_do_nothing_unless_asked_for(self, tmp_path: Path) -> None:
        source = SUITE.replace("pytestmark =", "unused =").replace("count_tasks) == 1", "answer)")
        said = run_pytest(tmp_path, source)
        assert "13 passed" in said
        assert "error" not in said.splitlines()[-1]
