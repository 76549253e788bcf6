"""flytekit from PyPI, unmodified, on sideloop: runs in the environment of peers.txt."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

USES = """
import flytekit.core.promise, flytekit.core.type_engine, flytekit.utils.asyn as module
from flytekit.utils import asyn

async def async_add(a: int, b: int) -> int:
    return a + b

from flytekit.tools.asyn import run_sync
assert run_sync(async_add, a=10, b=12) == 22
assert asyn is module
assert module.loop_manager.__class__.__module__ == "sideloop.compat.flytekit"
assert flytekit.core.type_engine.loop_manager is module.loop_manager
assert flytekit.core.promise.run_sync == module.run_sync
from unittest import mock
with mock.patch("flytekit.utils.asyn._TaskRunner.get_exc_handler") as get_exc_handler:
    for name in list(module.loop_manager._runner_map):
        module.loop_manager._runner_map.pop(name)._close()
    assert module.run_sync(async_add, 1, 2) == 3
    assert get_exc_handler.call_count == 1

import cloudpickle, functools
from flytekit import FlyteContextManager
access = FlyteContextManager.current_context().file_access
module.run_sync(async_add, 1, 2)
assert callable(cloudpickle.loads(cloudpickle.dumps(functools.partial(access.get_data, "a"))))

async def takes(coro_func: int, self: int) -> int:
    return coro_func + self

assert flytekit.core.promise.run_sync(takes, coro_func=1, self=2) == 3
print("ok")
"""

BEFORE = "from sideloop.compat.flytekit import install; install(); install()\n"
AFTER = """
import flytekit, flytekit.core.type_engine, flytekit.core.promise
from flytekit.utils.asyn import loop_manager as theirs, run_sync as their_run_sync
synced_before = theirs.synced
async def double(n: int) -> int:
    return 2 * n
doubled = theirs.synced(double)
from sideloop.compat.flytekit import install; install(); install()
assert theirs.__class__.__module__ == "sideloop.compat.flytekit", theirs
import sideloop.compat.flytekit as ours
served = []
run_sync = type(ours.loop_manager).run_sync
type(ours.loop_manager).run_sync = lambda *a, **k: served.append(a) or run_sync(*a, **k)
assert doubled(21) == 42
assert len(served) == 1, "a function synced before is served by sideloop"
type(ours.loop_manager).run_sync = run_sync
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestInstall:
    @pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])
    def test_serves_both_paths_before_or_after_flytekit_is_imported(self, install: str) -> None:
        assert run(install + USES) == "ok\n"


class TestItsPage:
    def test_has_an_example_that_runs(self) -> None:
        page = (ROOT / "docs" / "move-in" / "flytekit.md").read_text(encoding="utf-8")
        (example,) = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert run(example) == ""


class TestWorkflow:
    def test_gives_the_results_of_flytekits_own_bridge(self) -> None:
        def results(bridge: str) -> object:
            done = subprocess.run(
                [sys.executable, "examples/flytekit_workflow.py", "--bridge", bridge],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)["result"]

        own = results("flytekit")
        assert results("sideloop") == own
        assert results("sideloop-late") == own
