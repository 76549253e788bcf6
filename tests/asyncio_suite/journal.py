"""The journal: what a child writes down as its tests start and end, and its parent reads.

It is a file of JSON lines, so that nothing is lost when the child hangs or dies: a test that
started and did not end is the one that did it.
"""

import json
import time
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

FINISHED = "finished"
"""The last line's event: every test has ended, and only the process has still to."""


class Verdict(str, Enum):
    """How a test ended."""

    PASSED = "passed"
    EXPECTED_FAILURE = "expected failure"
    SKIPPED = "skipped"
    ALTERED = "passed, but left threads, processes or unraisable errors behind"
    UNEXPECTED_SUCCESS = "unexpected success"
    FAILED = "failed"
    ERROR = "error"
    HUNG = "hung"
    CRASHED = "crashed"
    MISSING = "did not run"

    @property
    def good(self) -> bool:
        return self in (Verdict.PASSED, Verdict.EXPECTED_FAILURE)

    @property
    def bad(self) -> bool:
        return not self.good and self is not Verdict.SKIPPED


@dataclass(frozen=True)
class Entry:
    """One test's end."""

    verdict: Verdict
    seconds: float = 0.0
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Entry":
        return cls(Verdict(data["verdict"]), data["seconds"], data["detail"])


Entries = dict[str, Entry]
"""Of one module: test id to how it ended."""


class Writer:
    """The child's end. Each line is in the file before the test goes on."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def start(self, test: str) -> None:
        self._write(event="start", test=test)

    def end(self, test: str, entry: Entry) -> None:
        self._write(event="end", test=test, **entry.to_json())

    def finish(self) -> None:
        self._write(event=FINISHED)

    def _write(self, **line: object) -> None:
        self._file.write(json.dumps({**line, "at": time.time()}) + "\n")


@dataclass(frozen=True)
class Story:
    """The parent's end: what the journal tells."""

    entries: Entries
    running: str | None
    finished: bool

    @classmethod
    def read(cls, path: Path) -> "Story":
        entries: Entries = {}
        running, finished = None, False
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # The process died while it wrote this.
            if line["event"] == "start":
                running = line["test"]
            elif line["event"] == "end":
                entries[line["test"]] = Entry.from_json(line)
                running = None
            else:
                finished = True
        return cls(entries, running, finished)
