"""Calls in situations: every subject is timed in every situation and spacing, interleaved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from _measure import Call, Spacing, Summary, interleave
from _peers import DRIVEN, FLYTEKIT, RUN_UNTIL_COMPLETE, SIDELOOP, THREADSAFE
from _ping_pong import EVENTFD, FUTEX, PingPong
from _situations import Situation, time_calls
from _verdict import Limit, Verdict

PEERS = (SIDELOOP, DRIVEN, FLYTEKIT, THREADSAFE, RUN_UNTIL_COMPLETE)
OURS = SIDELOOP.name
FLOORS = {f"ping-pong by {primitive}": primitive for primitive in (FUTEX, EVENTFD)}

WARM_UP = 10
"""The first one in so many calls of a batch does not count."""


@dataclass(frozen=True)
class Cell:
    """One subject in one situation and spacing."""

    subject: str
    situation: Situation
    spacing: Spacing


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    calls: Mapping[Spacing, int]
    seconds: float


@dataclass(frozen=True)
class Results:
    """The summaries of all cells, and of the first calls of new threads, in nanoseconds."""

    size: Size
    subjects: Sequence[str]
    cells: Mapping[Cell, Summary]
    firsts: Mapping[str, Summary]

    def ratio(self, cell: Cell, other: Cell) -> float | None:
        """Return the one's median by the other's, or None where that was not measured."""
        if other not in self.cells:
            return None
        return self.cells[cell].median / self.cells[other].median

    def judge(self, limit: Limit, cell: Cell, other: Cell) -> Verdict | None:
        """Compare two cells, or return None where one was not measured."""
        if not {cell, other} <= set(self.cells):
            return None
        return limit.judge(self.cells[cell], self.cells[other])


def measure(calls: Mapping[str, Call], floors: PingPong | None, size: Size) -> Results:
    """Time every subject in every situation and spacing."""
    subjects = [*calls, *(FLOORS if floors else ())]
    firsts: dict[str, list[list[int]]] = {subject: [] for subject in subjects}

    def durations_of(cell: Cell, most_calls: int) -> list[int]:
        setting = cell.situation.value
        if floors and cell.subject in FLOORS:
            return floors.time(
                FLOORS[cell.subject],
                setting.placement,
                cell.spacing,
                fresh=setting.fresh,
                most_calls=most_calls,
                seconds=size.seconds,
            )
        arguments = (calls[cell.subject], cell.spacing, most_calls, size.seconds)
        if not setting.fresh:
            return time_calls(*arguments)
        with ThreadPoolExecutor(1) as fresh:
            return fresh.submit(time_calls, *arguments).result()

    def time_batch(cell: Cell) -> list[int]:
        with cell.situation.arranged():
            durations = durations_of(cell, size.calls[cell.spacing])
        if cell.situation is Situation.FRESH and cell.spacing is Spacing.HOT:
            firsts[cell.subject].append(durations[:1])
        # The rest is warm; where a call takes all of the time, there is but the one.
        return durations[-(-len(durations) // WARM_UP) :] or durations

    cells = [
        Cell(subject, situation, spacing)
        for spacing in size.calls
        for situation in Situation
        for subject in subjects
    ]
    summaries = interleave(cells, size.rounds, time_batch)
    return Results(
        size, subjects, summaries, {subject: Summary.of(of) for subject, of in firsts.items()}
    )
