"""Packages with their stubs, as the command writes them, for tests that check types."""

import shutil
import subprocess
import sys
from pathlib import Path

from test_typing import check

LIBRARIES = Path(__file__).with_name("libraries")

PYRIGHT = """{
    "typeCheckingMode": "strict",
    "enableTypeIgnoreComments": false,
    "reportUnnecessaryTypeIgnoreComment": "error"
}"""
"""As strict as it can be, and nothing is ignored in vain."""


def copy_with_stubs(name: str, directory: Path) -> Path:
    """Copy a package of `libraries/`, and what a user of it has written; write its stubs."""
    shutil.copytree(LIBRARIES / name, directory / name, ignore=lambda *_: ["__pycache__"])
    shutil.copy(LIBRARIES / f"{name}_user.py", directory)
    command = [sys.executable, "-m", "sideloop", "stubs", name]
    ended = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return directory


def check_by_pyright(directory: Path, *files: object) -> None:
    """Check these in strict mode."""
    (directory / "pyrightconfig.json").write_text(PYRIGHT)
    check("pyright", "--pythonpath", sys.executable, *files, directory=directory)
