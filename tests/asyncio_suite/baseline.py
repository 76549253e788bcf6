"""The baseline: what the interpreter's own loop makes of a module. It is kept in target/."""

import hashlib
import inspect
import json
import os
import platform
import sys
from pathlib import Path

from asyncio_suite import child, recorder
from asyncio_suite.journal import Entries, Entry
from asyncio_suite.process import TESTS, Processes, Subject
from asyncio_suite.replace import Config

STANDARD = Subject(Config.STANDARD, loop="", core="")

MODES = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS")
"""What asks for another mode of asyncio, in the environment."""


class Baseline:
    """Of the running interpreter, on this system, by this harness."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._folder = TESTS.parent / "target" / "asyncio-suite" / _key()

    def kept(self, module: str) -> Entries | None:
        """What an earlier run has kept."""
        path = self._path(module)
        if not path.exists():
            return None
        data = json.loads(path.read_text(encoding="utf-8"))
        return {test: Entry.from_json(entry) for test, entry in data.items()}

    def run(self, module: str) -> Entries:
        """Run the module, and what fails once more: only what fails twice is not to be compared."""
        entries = self._processes.run(module, STANDARD)
        again = [test for test, entry in entries.items() if entry.verdict.bad]
        if again:
            entries.update(self._processes.run(module, STANDARD, only=again))
        if not self._processes.stopped:
            self._keep(module, entries)
        return entries

    def _keep(self, module: str, entries: Entries) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        data = {test: entry.to_json() for test, entry in entries.items()}
        partial = self._path(module).with_suffix(".partial")
        partial.write_text(json.dumps(data, indent=1), encoding="utf-8")
        partial.replace(self._path(module))

    def _path(self, module: str) -> Path:
        return self._folder / f"{module}.json"


def _key() -> str:
    files = [Path(inspect.getfile(module)) for module in (child, recorder)]
    parts = [sys.version, sys.base_prefix, platform.platform()]
    parts += [f"{name}={os.environ.get(name)}" for name in MODES]
    parts += [path.read_text(encoding="utf-8") for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
