"""What the process holds when nothing goes on, and whether that has grown."""

import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SETTLED = 30.0
"""Seconds in which threads that were left behind have to end."""

ALLOWED = {"threads": 0, "files": 0, "objects": 500, "references": 3_000, "kilobytes": 131_072}
"""Caches fill up with what is rare, and the allocator keeps what a burst of loops has taken; a leak
grows with the calls."""


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


def growth_over(measured: Sequence[Resources]) -> dict[str, int]:
    """What has grown from the first third to the last one, and by how much.

    From the most there to the least here: loops that callers share come and go with the rounds.
    """
    third = max(1, len(measured) // 3)
    early, late = measured[:third], measured[-third:]
    return _extreme(min, late).growth_since(_extreme(max, early))


def _extreme(choose: Callable[[Sequence[int]], int], measured: Sequence[Resources]) -> Resources:
    return Resources(**{name: choose([getattr(one, name) for one in measured]) for name in ALLOWED})


def settle(threads: int) -> None:
    """Wait until no more than these threads are there, for the system.

    Python counts more: one whose last steps ask who they are gets an entry that nobody removes.
    """
    end = time.monotonic() + SETTLED
    while count_threads() > threads:
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
        threads=count_threads(),
        files=_entries("/proc/self/fd"),
        objects=len(gc.get_objects()),
        references=references(),
        kilobytes=resident * os.sysconf("SC_PAGE_SIZE") // 1024,
    )


def count_threads() -> int:
    """The threads of the process."""
    return _entries("/proc/self/task")


def _entries(folder: str) -> int:
    return len(list(Path(folder).iterdir()))
