"""What an event loop's own work costs: sideloop.EventLoop and the loops it is compared with.

    python benches/loop.py [--only NAME] [--json FILE]

Every loop is given the same work (`_work.py`), of which each piece times itself; starting and
stopping the loop is not in the figures. All loops stay open for the whole run, and every round
takes a few batches of each piece of work on each loop, in a shuffled order (`_measure.py`). Both
ends of an echo are on the loop that is measured, so a round trip is four events to it.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from _chart_loops import draw_loops
from _figures import TIMES, count, times
from _loops import ASYNCIO, SIDELOOP, LoopPeer, Loops, open_loops
from _machine import Machine
from _measure import Summary, interleave
from _targets import TARGETS, Target, Verdict
from _work import WORKS, Work

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"

BATCHES = 3
"""Batches of one cell in one round, one after the other."""


@dataclass(frozen=True)
class Cell:
    """One piece of work on one loop."""

    work: Work
    peer: LoopPeer


@dataclass(frozen=True)
class Results:
    """The summaries of all cells, in nanoseconds an operation."""

    rounds: int
    works: Sequence[Work]
    peers: Sequence[LoopPeer]
    cells: Mapping[Cell, Summary]

    def of(self, work: Work, peer: LoopPeer) -> Summary:
        """Return the summary of one cell."""
        return self.cells[Cell(work, peer)]

    def ratio(self, work: Work, peer: LoopPeer, other: LoopPeer) -> float | None:
        """Return the peer's median by the other's, or None where the other was not measured."""
        if other not in self.peers:
            return None
        return self.of(work, peer).median / self.of(work, other).median


def measure(loops: Loops, works: Sequence[Work], rounds: int) -> Results:
    """Give every loop every piece of work, in every round."""

    def time_batches(cell: Cell) -> list[float]:
        loop, run, n = loops[cell.peer], cell.work.run, cell.work.n
        # So that no loop pays for collecting what another has left.
        gc.collect()
        loop.run_until_complete(run(n // 10))
        return [loop.run_until_complete(run(n)) / n for _ in range(BATCHES)]

    cells = [Cell(work, peer) for work in works for peer in loops]
    return Results(rounds, works, list(loops), interleave(cells, rounds, time_batches))


def microseconds(nanoseconds: float) -> str:
    """Write a duration for a column of microseconds, from callbacks to round trips."""
    value = nanoseconds / 1e3
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def print_work(results: Results, work: Work) -> None:
    """Print the table of one piece of work."""
    print(f"\n{work.title} (µs a {work.unit}, {work.n:,} a batch)")
    header = f"  {'':10}{'version':>9}{'median':>9}{'p10':>9}{'p90':>9}"
    print(f"{header}{'medians of the rounds':>24}{'to asyncio':>12}{'to sideloop':>13}")
    for peer in results.peers:
        summary = results.of(work, peer)
        low, high = min(summary.round_medians), max(summary.round_medians)
        line = f"  {peer.name:10}{peer.version:>9}"
        for value in (summary.median, summary.p10, summary.p90):
            line += f"{microseconds(value):>9}"
        line += f"{f'{microseconds(low)} to {microseconds(high)}':>24}"
        line += f"{times(results.ratio(work, peer, ASYNCIO)):>12}"
        line += f"{times(results.ratio(work, peer, SIDELOOP)):>13}"
        print(line)


def verdicts(results: Results) -> Iterator[tuple[Work, Target, Verdict | None]]:
    """Compare sideloop with each target; None where it or the peer was not measured."""
    for work in results.works:
        for target in TARGETS:
            if target.kind is not work.kind:
                continue
            if {SIDELOOP, target.peer} <= set(results.peers):
                ours, theirs = results.of(work, SIDELOOP), results.of(work, target.peer)
                yield work, target, target.judge(ours, theirs)
            else:
                yield work, target, None


def print_targets(results: Results) -> None:
    """Print the targets, and whether they are met."""
    print("\ntargets for sideloop, beside the ratios of the medians above")
    met = asked = 0
    last: Work | None = None
    for work, target, verdict in verdicts(results):
        line = f"  {'' if work is last else work.title:36}{target.peer.name:9}{target.text:26}"
        last = work
        asked += 1
        if verdict is None:
            print(f"{line}{'-':>7}  not measured")
            continue
        met += verdict.met
        word = "met" if verdict.met else "not met"
        line += f"{f'{TIMES}{verdict.figure:.2f}':>7}  {word:9}"
        print(f"{line}in {verdict.met_in_rounds} of {results.rounds} rounds")
    print(f"  met: {met} of {asked}; work that is not named here has no target")


def as_json(results: Results, machine: Machine, left_out: Mapping[LoopPeer, str]) -> str:
    """Return all figures, in nanoseconds an operation, as JSON."""
    rows = []
    for work in results.works:
        for peer in results.peers:
            figures = asdict(results.of(work, peer))
            figures["batches"] = figures.pop("calls")
            row: dict[str, object] = {"work": work.name, "title": work.title, "n": work.n}
            row |= {"loop": peer.name, "version": peer.version}
            row["to_asyncio"] = results.ratio(work, peer, ASYNCIO)
            row["to_sideloop"] = results.ratio(work, peer, SIDELOOP)
            rows.append(row | figures)
    targets = [
        {
            "work": work.name,
            "peer": target.peer.name,
            "target": target.text,
            **(asdict(verdict) if verdict else {"met": None}),
        }
        for work, target, verdict in verdicts(results)
    ]
    document = {
        "machine": asdict(machine),
        "unit": "ns",
        "rounds": results.rounds,
        "left_out": {peer.name: reason for peer, reason in left_out.items()},
        "results": rows,
        "targets": targets,
    }
    return json.dumps(document, indent=2) + "\n"


def draw_chart(results: Results, machine: Machine, directory: Path) -> list[Path]:
    """Draw every loop's speed beside asyncio's, one panel a piece of work."""
    panels = {
        work.title: {peer.name: results.of(work, peer) for peer in results.peers}
        for work in results.works
    }
    caption = (
        f"Median of {results.rounds * BATCHES} batches, p10 to p90, and how many times as fast as "
        f"asyncio's selector loop. Logarithmic scale. {machine}."
    )
    return draw_loops(panels, caption, directory / "loop")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare what an event loop's own work costs.")
    names = [work.name for work in WORKS]
    add = parser.add_argument
    add("--rounds", type=count, default=20, help="rounds over all loops (%(default)s)")
    add("--only", action="append", choices=names, help="this work alone; may be repeated")
    add("--out", type=Path, metavar="DIR", help="chart goes here (docs/images, but none by --only)")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets, draw the chart."""
    options = parse(arguments)
    works = [work for work in WORKS if options.only is None or work.name in options.only]
    machine = Machine.here()
    print(f"{machine}\nload average before: {os.getloadavg()[0]:.2f}")
    print(
        f"rounds: {options.rounds}, each over all cells in shuffled order, {BATCHES} batches a cell"
        f" after a warm-up\ngarbage collector as the interpreter starts it, for everyone"
        f" ({'on' if gc.isenabled() else 'off'}, thresholds {gc.get_threshold()})"
    )
    with ExitStack() as stack:
        loops, left_out = open_loops(stack)
        for peer, reason in left_out.items():
            print(f"missing: {peer.name}: {reason}")
        sys.stdout.flush()
        results = measure(loops, works, options.rounds)
    for work in works:
        print_work(results, work)
    print_targets(results)
    if options.json:
        options.json.write_text(as_json(results, machine, left_out), encoding="utf-8")
    # A chart of a part is not what docs/images is for.
    directory = options.out or (None if options.only else IMAGES)
    if directory is None:
        return 0
    if importlib.util.find_spec("matplotlib") is None:
        print("\nno chart: matplotlib is not installed")
    else:
        paths = draw_chart(results, machine, directory)
        print(f"\nchart: {', '.join(path.name for path in paths)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
