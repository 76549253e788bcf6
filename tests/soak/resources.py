"""What the process holds when nothing goes on, and whether that has grown."""

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SETTLED = 30.0
"""Seconds in which threads that were left behind have to end."""

ALLOWED = {"threads": 0, "files": 0, "objects": 500, "references": 3_000, "kilobytes": 32_768}
"""Caches fill up with what is rare, and the allocator keeps some; a leak grows with the calls."""


@dataclass(frozen=True)
class Resources:
    """A measurement."""

    threads: int
    files: int
    objects: int
    references: int
    """On a debug build of CPython; else 0."""
    kilobytes: int

    def growth_since(self, before: "Resources") -> dict[str, int]:
        """What has grown by more than is allowed, and by how much."""
        grown = {name: getattr(self, name) - getattr(before, name) for name in ALLOWED}
        return {name: more for name, more in grown.items() if more > ALLOWED[name]}


def settle(threads: int) -> None:
    """Wait until no more than these threads are there, for Python and for the system."""
    end = time.monotonic() + SETTLED
    while max(threading.active_count(), _entries("/proc/self/task")) > threads:
        if time.monotonic() > end:
            return
        time.sleep(0.01)


def measure() -> Resources:
    """What there is now that is not garbage."""
    references: Callable[[], int] = getattr(sys, "gettotalrefcount", int)
    for _ in range(3):
        gc.collect()
    resident = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return Resources(
        threads=_entries("/proc/self/task"),
        files=_entries("/proc/self/fd"),
        objects=len(gc.get_objects()),
        references=references(),
        kilobytes=resident * os.sysconf("SC_PAGE_SIZE") // 1024,
    )


def _entries(folder: str) -> int:
    return len(list(Path(folder).iterdir()))
