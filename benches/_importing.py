"""Importing: what a module's import takes in a new interpreter beyond asyncio's, and where."""

from __future__ import annotations

import subprocess
import sys

BASE, OURS = "asyncio", "sideloop"

MODULES = {
    BASE: None,
    OURS: "sideloop",
    "flytekit.utils.asyn": "flytekit",
    "anyio.from_thread": "anyio",
    "asgiref.sync": "asgiref",
    "fsspec.asyn": "fsspec",
    "synchronicity": "synchronicity",
}
"""What is imported for a call, and the distribution it comes from."""

TIMED = """
import os, sys{before}
from time import perf_counter_ns
out, sys.stdout, sys.stderr = sys.stdout, open(os.devnull, "w"), open(os.devnull, "w")
begin = perf_counter_ns()
import {module}
print(perf_counter_ns() - begin, file=out)
"""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Isolated from the environment and the folder: what is installed, not what lies about.
    return subprocess.run(
        [sys.executable, "-I", *arguments], capture_output=True, text=True, check=False
    )


def time_import(module: str) -> int | None:
    """Return the nanoseconds that an import takes, or None where it fails. Blocks for it.

    asyncio has been imported before, but for its own import: in the same interpreter, so that the
    difference is not one of two starts.
    """
    before = "" if module == BASE else f", {BASE}"
    ended = _python("-c", TIMED.format(module=module, before=before))
    return int(ended.stdout) if ended.returncode == 0 else None


def dearest(most: int) -> list[tuple[str, int]]:
    """Name what `import sideloop` imports beyond asyncio, and the microseconds of each by itself.

    Args:
        most: How many, the dearest first.
    """
    # A line a module, when it is imported: "import time:  self |  cumulative | name".
    ended = _python("-X", "importtime", "-c", f"import {BASE}\nimport {OURS}")
    rows = [line.removeprefix("import time:").split("|") for line in ended.stderr.splitlines()]
    names = [row[-1].strip() for row in rows]
    beyond = rows[names.index(BASE) + 1 :]
    ordered = sorted(((row[-1].strip(), int(row[0])) for row in beyond), key=lambda row: -row[1])
    return ordered[:most]
