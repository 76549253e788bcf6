"""The situations: where a call is made, and beside what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from _busy import busy_processes, busy_threads
from _measure import PAUSE, Call, Placement, Spacing, placed

BUSY = 2
"""How many neighbours are busy."""


@dataclass(frozen=True)
class Setting:
    """What makes a situation: its name in a chart and in a table, and what is not as usual."""

    label: str
    title: str
    placement: Placement = Placement.UNPINNED
    fresh: bool = False
    processes: int = 0
    threads: int = 0


class Situation(Enum):
    """Where a call is made, and beside what."""

    DEFAULT = Setting("default", "as the kernel places the threads")
    PINNED = Setting("one core", Placement.PINNED.value, Placement.PINNED)
    SPREAD = Setting("two cores", Placement.SPREAD.value, Placement.SPREAD)
    FRESH = Setting("fresh thread", "the caller a new thread in each round", fresh=True)
    PROCESSES = Setting(f"{BUSY} processes", f"beside {BUSY} busy processes", processes=BUSY)
    THREADS = Setting(f"{BUSY} threads", f"beside {BUSY} busy Python threads", threads=BUSY)

    @contextmanager
    def arranged(self) -> Iterator[None]:
        """Place this process's threads and start the neighbours; afterwards all is as before."""
        setting = self.value
        with (
            placed(setting.placement),
            busy_processes(setting.processes),
            busy_threads(setting.threads),
        ):
            yield


def time_calls(call: Call, spacing: Spacing, most_calls: int, seconds: float) -> list[int]:
    """Call until there are so many calls, or the time is over; at least once.

    A call beside busy threads may take a thousand times what it takes alone.
    """
    clock, pause = time.perf_counter_ns, time.sleep
    spaced = spacing is Spacing.SPACED
    durations: list[int] = []
    end = clock()
    over = end + round(seconds * 1e9)
    while not durations or (len(durations) < most_calls and end < over):
        if spaced:
            pause(PAUSE)
        begin = clock()
        call()
        end = clock()
        durations.append(end - begin)
    return durations
