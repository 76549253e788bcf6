"""Interleaved measurement: every round times a small batch of each cell, in a shuffled order.

A cell is one subject in one spacing and one placement. Timing one subject to its end and then the
next would hand each of them another mood of the machine (frequency, neighbours, where the kernel
has put the threads); interleaved, they share all moods, and the spread of a cell's medians from
round to round shows how much the mood matters.

Does not work: `os.sched_setaffinity(0, cpus)` to place the process. It moves the calling thread
only; loop threads that already run keep the CPUs they had, and "pinned" would then compare a
caller on one CPU with loop threads anywhere. Each thread of the process is set by its own id.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
Call = Callable[[], object]

PAUSE = 0.001
"""Seconds that the caller sleeps before each call when calls are spaced."""


class Spacing(Enum):
    """How one call follows another."""

    HOT = "back to back"
    SPACED = "1 ms apart"


class Placement(Enum):
    """Which CPUs the threads of the process may use.

    A bridge that parks both its ends pays several times more when they sit on different CPUs, and
    unpinned it is the kernel that picks. `PINNED` and `SPREAD` hold each of the two cases still.
    """

    UNPINNED = "unpinned"
    PINNED = "all threads on one CPU"
    SPREAD = "caller and loop threads on different CPUs"

    @classmethod
    def unless_asked(cls) -> list[Placement]:
        """Unpinned, and pinned where the system can do that."""
        return [cls.UNPINNED, cls.PINNED] if sys.platform == "linux" else [cls.UNPINNED]


@dataclass(frozen=True)
class Cell:
    """One subject in one spacing and one placement."""

    subject: str
    spacing: Spacing
    placement: Placement


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    batch: Mapping[Spacing, int]
    placements: Sequence[Placement]
    seed: int = 0

    def warm_up(self, spacing: Spacing) -> int:
        """Return how many calls go before each batch, untimed, in the batch's own spacing."""
        return max(3, self.batch[spacing] // 10)


@dataclass(frozen=True)
class Summary:
    """The figures of one cell: nanoseconds, unless its bench says what else."""

    calls: int
    median: float
    p10: float
    p90: float
    round_medians: tuple[float, ...]

    @classmethod
    def of(cls, batches: Sequence[Sequence[float]]) -> Summary:
        """Summarise the batches of one cell, one batch a round."""
        ordered = sorted(figure for batch in batches for figure in batch)
        last = len(ordered) - 1
        return cls(
            calls=len(ordered),
            median=statistics.median(ordered),
            p10=ordered[round(last * 0.1)],
            p90=ordered[round(last * 0.9)],
            round_medians=tuple(statistics.median(batch) for batch in batches),
        )


def usable_cpus() -> frozenset[int]:
    """Return the CPUs that this thread may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _set_affinity(caller: Iterable[int], others: Iterable[int]) -> None:
    """Give the calling thread its CPUs, and every other thread of the process theirs."""
    caller_id = threading.get_native_id()
    for entry in Path("/proc/self/task").iterdir():
        thread_id = int(entry.name)
        # A thread may end between the listing and here (asgiref ends one a call).
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread_id, caller if thread_id == caller_id else others)


@contextmanager
def placed(placement: Placement) -> Iterator[None]:
    """Place every thread of the process, then let all of them go where they could go before."""
    if placement is Placement.UNPINNED:
        yield
        return
    cpus = sorted(usable_cpus())
    half = len(cpus) // 2
    if placement is Placement.PINNED:
        # The last one: the first CPU more often serves the machine's interrupts.
        _set_affinity(cpus[-1:], cpus[-1:])
    else:
        _set_affinity(cpus[half:], cpus[:half])
    try:
        yield
    finally:
        _set_affinity(cpus, cpus)


def time_hot(call: Call, calls: int) -> list[int]:
    clock = time.perf_counter_ns
    durations = [0] * calls
    for index in range(calls):
        begin = clock()
        call()
        durations[index] = clock() - begin
    return durations


def time_spaced(call: Call, calls: int) -> list[int]:
    clock, sleep = time.perf_counter_ns, time.sleep
    durations = [0] * calls
    for index in range(calls):
        sleep(PAUSE)
        begin = clock()
        call()
        durations[index] = clock() - begin
    return durations


_TIME = {Spacing.HOT: time_hot, Spacing.SPACED: time_spaced}


def clock_cost() -> float:
    """Return the median nanoseconds that timing alone adds to a call, empty call included."""
    return statistics.median(time_hot(lambda: None, 1000))


def interleave(
    cells: Iterable[K], rounds: int, time_batch: Callable[[K], Sequence[float]], seed: int = 0
) -> dict[K, Summary]:
    """Time a batch of every cell in every round, in an order that is shuffled anew for each.

    Args:
        cells: What to time.
        rounds: How often.
        time_batch: Warms a cell up, untimed, and returns the figures of one batch of it.
        seed: Of the shuffling, so that a rerun has the same order.

    Returns:
        A summary of each cell, in the order of `cells`.
    """
    batches: dict[K, list[Sequence[float]]] = {cell: [] for cell in cells}
    order = list(batches)
    shuffle = random.Random(seed).shuffle
    for _ in range(rounds):
        shuffle(order)
        for cell in order:
            batches[cell].append(time_batch(cell))
    return {cell: Summary.of(of_cell) for cell, of_cell in batches.items()}


def measure(subjects: Mapping[str, Call], plan: Plan) -> dict[Cell, Summary]:
    """Time every subject in every spacing and placement of the plan.

    Blocks until all rounds are done. The subjects run on this thread, or wherever they take their
    work. The garbage collector is left as it is: a user's calls pay for it too.

    Args:
        subjects: What to call, by name.
        plan: Rounds, batch sizes and placements.

    Returns:
        A summary of each cell.
    """
    cells = [
        Cell(subject, spacing, placement)
        for placement in plan.placements
        for spacing in plan.batch
        for subject in subjects
    ]

    def time_batch(cell: Cell) -> list[int]:
        call, time_calls = subjects[cell.subject], _TIME[cell.spacing]
        with placed(cell.placement):
            time_calls(call, plan.warm_up(cell.spacing))
            return time_calls(call, plan.batch[cell.spacing])

    return interleave(cells, plan.rounds, time_batch, plan.seed)
