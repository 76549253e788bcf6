"""What a hand-off to another thread costs beside a CPU-bound Python thread, and the caller's drive.

    python benches/drive.py [--rounds N] [--ms N] [--json FILE]

An empty async function is called back to back while 0 or 1 other threads run Python code without
end: on a loop that a thread of its own runs, on one that the caller drives, and by asyncio's own
`run_until_complete` on the caller's thread. A thread that computes keeps the interpreter for a
switch interval before it lets another one in, so each hand-off may wait for that long. Subjects
take turns in a shuffled order (`_measure.py`). Every answer is checked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from _busy import busy_threads
from _command import command, document, finish, print_head
from _figures import HEADINGS, TIMES, columns, count, microseconds
from _machine import Machine
from _measure import Summary, interleave
from _verdict import within

from sideloop import Runner

ANSWER = 42

THREAD = 'Runner(drive="thread")'
CALLER = 'Runner(drive="caller")'
ASYNCIO = "asyncio's run_until_complete"

TARGETS = {THREAD: within(0.5), CALLER: within(0.35)}
"""What is asked of a call beside no busy thread: so much of asyncio's on the caller's thread."""


@dataclass(frozen=True)
class Cell:
    """One subject beside a number of busy threads."""

    subject: str
    busy: int


async def empty() -> int:
    """Return at the first step: what is left is the way to the loop and back."""
    return ANSWER


def open_subjects(stack: ExitStack) -> dict[str, Callable[[], int]]:
    """Open what is compared, warm; the stack closes it."""
    threaded = stack.enter_context(Runner(drive="thread"))
    driven = stack.enter_context(Runner(drive="caller"))
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    subjects = {
        THREAD: lambda: threaded.run(empty),
        CALLER: lambda: driven.run(empty),
        ASYNCIO: lambda: loop.run_until_complete(empty()),
    }
    for call in subjects.values():
        call()
    return subjects


def time_calls(call: Callable[[], int], seconds: float) -> list[int]:
    """Call back to back for this long, and return what each call took."""
    clock = time.perf_counter_ns
    durations: list[int] = []
    end = clock() + round(seconds * 1e9)
    while (begin := clock()) < end:
        answer = call()
        durations.append(clock() - begin)
        if answer != ANSWER:
            raise AssertionError(f"wrong answer: {answer!r}")
    return durations


def measure(
    subjects: Mapping[str, Callable[[], int]], rounds: int, seconds: float
) -> tuple[dict[Cell, Summary], dict[Cell, float]]:
    """Time every subject beside every number of busy threads; also the mean of each cell.

    A switch interval that hits one call in a thousand is in no percentile, but in the mean.
    """
    totals: dict[Cell, list[int]] = {}

    def time_batch(cell: Cell) -> list[int]:
        with busy_threads(cell.busy):
            time_calls(subjects[cell.subject], seconds / 10)
            durations = time_calls(subjects[cell.subject], seconds)
        total = totals.setdefault(cell, [0, 0])
        total[0] += sum(durations)
        total[1] += len(durations)
        return durations

    cells = [Cell(subject, busy) for busy in (0, 1) for subject in subjects]
    summaries = interleave(cells, rounds, time_batch)
    return summaries, {cell: took / calls for cell, (took, calls) in totals.items()}


def print_table(summaries: Mapping[Cell, Summary], means: Mapping[Cell, float], busy: int) -> None:
    """Print what the calls took beside that many busy threads."""
    print(f"\nbeside {busy} CPU-bound Python thread{'' if busy == 1 else 's'} (µs a call)")
    print(f"  {'':30}{HEADINGS}{'mean':>10}{'calls':>10}")
    for cell, summary in summaries.items():
        if cell.busy == busy:
            line = f"  {cell.subject:30}{columns(summary)}{microseconds(means[cell]):>10}"
            print(f"{line}{summary.calls:>10}")


def print_targets(summaries: Mapping[Cell, Summary]) -> None:
    """Print the targets, and whether they are met."""
    print(f"\ntargets, beside {ASYNCIO} and no busy thread")
    for subject, limit in TARGETS.items():
        verdict = limit.judge(summaries[Cell(subject, 0)], summaries[Cell(ASYNCIO, 0)])
        line = f"  {subject:30}{limit.text:28}{f'{TIMES}{verdict.figure:.2f}':>7}"
        print(f"{line}  {verdict.word:9}{verdict.in_rounds}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare who runs the loop, beside a CPU-bound Python thread.", rounds=15)
    add = parser.add_argument
    add("--ms", type=count, default=150, help="milliseconds of calls a batch (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets."""
    options = parse(arguments)
    machine = Machine.here()
    print_head(
        machine,
        f"switch interval: {sys.getswitchinterval() * 1e3:g} ms\n"
        f"rounds: {options.rounds}, over all cells in shuffled order, {options.ms} ms a batch",
    )
    with ExitStack() as stack:
        summaries, means = measure(open_subjects(stack), options.rounds, options.ms / 1e3)
    for busy in (0, 1):
        print_table(summaries, means, busy)
    print_targets(summaries)
    rows = [asdict(cell) | {"mean": means[cell]} | asdict(summaries[cell]) for cell in means]
    finish(options, document(machine, "ns", options.rounds, {}) | {"results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
