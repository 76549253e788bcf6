"""What `sideloop.map` costs an item, beside a semaphore and a gather by hand; and what it holds.

    python benches/map.py [--rounds N] [--items N] [--many N] [--json FILE]

By hand: `asyncio.run` of a coroutine that starts a task for each item at once, each of which waits
for one of 64 permits of an `asyncio.Semaphore`, and gathers them. The same async function runs over
the same items with the same limit; subjects take turns in a shuffled order (`_measure.py`), and
every answer is checked. A batch is a whole run, to its end: the loop of `asyncio.run` is made and
closed in it, as whoever writes it by hand has to; sideloop's is there already, as in a program that
has made a call before.

Memory is the peak of a process of its own (VmHWM) above what it had before the run, for `--items`
and for `--many` items of an iterator that holds none of them, whose answers are not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from _figures import TIMES, count, microseconds, times
from _machine import Machine
from _measure import Summary, interleave

import sideloop

LIMIT = 64

BY_HAND = "Semaphore + gather, asyncio.run"
MAP = "sideloop.map"
UNORDERED = "sideloop.map, ordered=False"

TARGET = 1.15
"""`map` is meant to cost no more than this times what is written by hand."""

AsyncFn = Callable[[int], Awaitable[int]]


async def at_once(n: int) -> int:
    """Return at the first step: what is left is the cost of the items themselves."""
    return n + 1


async def one_turn(n: int) -> int:
    """Go once around the loop."""
    await asyncio.sleep(0)
    return n + 1


async def one_millisecond(n: int) -> int:
    """Wait for a timer, as for an answer over a network nearby."""
    await asyncio.sleep(0.001)
    return n + 1


WORK: dict[str, AsyncFn] = {
    "returns at once": at_once,
    "sleep(0)": one_turn,
    "sleep(1 ms)": one_millisecond,
}


async def _gather(async_fn: AsyncFn, items: int) -> int:
    permits = asyncio.Semaphore(LIMIT)

    async def one(n: int) -> int:
        async with permits:
            return await async_fn(n)

    return sum(await asyncio.gather(*(one(n) for n in range(items))))


def by_hand(async_fn: AsyncFn, items: int) -> int:
    """The total of the answers, as one writes it without sideloop."""
    return asyncio.run(_gather(async_fn, items))


def mapped(async_fn: AsyncFn, items: int) -> int:
    """The total of the answers, in their order."""
    return sum(sideloop.map(async_fn, iter(range(items)), limit=LIMIT))


def mapped_unordered(async_fn: AsyncFn, items: int) -> int:
    """The total of the answers, as they come."""
    return sum(sideloop.map(async_fn, iter(range(items)), limit=LIMIT, ordered=False))


SUBJECTS = {BY_HAND: by_hand, MAP: mapped, UNORDERED: mapped_unordered}


@dataclass(frozen=True)
class Cell:
    """One subject with one kind of work."""

    subject: str
    work: str


def measure(rounds: int, items: int) -> dict[Cell, Summary]:
    """Time every subject with every kind of work: nanoseconds an item."""

    def time_batch(cell: Cell) -> list[float]:
        run, async_fn = SUBJECTS[cell.subject], WORK[cell.work]
        run(async_fn, items // 10)
        begin = time.perf_counter_ns()
        total = run(async_fn, items)
        took = time.perf_counter_ns() - begin
        _check(total, items)
        return [took / items]

    return interleave([Cell(*pair) for pair in _pairs()], rounds, time_batch)


def _pairs() -> Iterator[tuple[str, str]]:
    return ((subject, work) for work in WORK for subject in SUBJECTS)


def _check(total: int, items: int) -> None:
    if total != items * (items + 1) // 2:
        raise AssertionError(f"wrong answers: they add up to {total}")


def peak_memory(subject: str, items: int) -> float:
    """Run in a process of its own; how many MiB more that held at its peak than before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as processes:
        return processes.submit(_peak_here, subject, items).result()


def _peak_here(subject: str, items: int) -> float:
    run = SUBJECTS[subject]
    run(one_turn, 100)
    before = _high_water()
    _check(run(one_turn, items), items)
    return _high_water() - before


def _high_water() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    if found is None:
        raise RuntimeError("/proc/self/status does not say the peak of the memory")
    return int(found.group(1)) / 1024


def print_times(cells: Mapping[Cell, Summary], work: str) -> None:
    """Print what an item costs each subject, and the ratio to what is written by hand."""
    print(f"\n{work} (µs an item)")
    print(f"  {'':34}{'median':>10}{'p10':>10}{'p90':>10}{'rounds':>24}{'by hand':>10}")
    base = cells[Cell(BY_HAND, work)].median
    for subject in SUBJECTS:
        summary = cells[Cell(subject, work)]
        line = f"  {subject:34}"
        for value in (summary.median, summary.p10, summary.p90):
            line += f"{microseconds(value):>10}"
        low, high = min(summary.round_medians), max(summary.round_medians)
        line += f"{f'{microseconds(low)} to {microseconds(high)}':>24}"
        print(f"{line}{times(summary.median / base):>10}")
    ratio = cells[Cell(MAP, work)].median / base
    print(f"  target {TIMES}{TARGET:g}: {'met' if ratio <= TARGET else 'missed'}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare sideloop.map with a gather by hand.")
    add = parser.add_argument
    add("--rounds", type=count, default=15, help="rounds over all cells (%(default)s)")
    add("--items", type=count, default=10_000, help="items a run (%(default)s)")
    add("--many", type=count, default=1_000_000, help="items of the long run (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables."""
    options = parse(arguments)
    machine = Machine.here()
    print(f"{machine}\nload average before: {os.getloadavg()[0]:.2f}")
    print(
        f"rounds: {options.rounds}, over all cells in shuffled order, {options.items} items a run"
    )
    sys.stdout.flush()
    cells = measure(options.rounds, options.items)
    for work in WORK:
        print_times(cells, work)
    sizes = (options.items, options.many)
    peaks = {subject: [peak_memory(subject, items) for items in sizes] for subject in SUBJECTS}
    print("\npeak memory above the start (MiB)")
    print(f"  {'':34}{sizes[0]:>10} items{sizes[1]:>12} items")
    for subject, (few, many) in peaks.items():
        print(f"  {subject:34}{few:>16.1f}{many:>18.1f}")
    if options.json:
        rows = [asdict(cell) | asdict(summary) for cell, summary in cells.items()]
        document = {"machine": asdict(machine), "unit": "ns", "results": rows, "peak_MiB": peaks}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
