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
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from _chart_loops import draw_loops
from _command import add_chart, command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, times
from _loops import ASYNCIO, SIDELOOP, LoopPeer, Loops, open_loops
from _machine import Machine
from _measure import Summary, interleave
from _targets import TARGETS, Target
from _verdict import Verdict
from _work import WORKS, Work

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
    print(f"  {'':10}{'version':>9}{HEADINGS}{'to asyncio':>12}{'to sideloop':>13}")
    for peer in results.peers:
        summary = results.of(work, peer)
        line = f"  {peer.name:10}{peer.version:>9}"
        line += columns(summary, microseconds)
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
                yield work, target, target.limit.judge(ours, theirs)
            else:
                yield work, target, None


def print_targets(results: Results) -> None:
    """Print the targets, and whether they are met."""
    print("\ntargets for sideloop, beside the ratios of the medians above")
    met = asked = 0
    last: Work | None = None
    for work, target, verdict in verdicts(results):
        line = (
            f"  {'' if work is last else work.title:36}{target.peer.name:9}{target.limit.text:26}"
        )
        last = work
        asked += 1
        if verdict is None:
            print(f"{line}{'-':>7}  not measured")
            continue
        met += verdict.met
        line += f"{f'{TIMES}{verdict.figure:.2f}':>7}  {verdict.word:9}"
        print(line + verdict.in_rounds)
    print(f"  met: {met} of {asked}; work that is not named here has no target")


def figures(
    results: Results, machine: Machine, left_out: Mapping[LoopPeer, str]
) -> dict[str, object]:
    """Return all figures, in nanoseconds an operation, for JSON."""
    rows = []
    for work in results.works:
        for peer in results.peers:
            summary = asdict(results.of(work, peer))
            summary["batches"] = summary.pop("calls")
            row: dict[str, object] = {"work": work.name, "title": work.title, "n": work.n}
            row |= {"loop": peer.name, "version": peer.version}
            row["to_asyncio"] = results.ratio(work, peer, ASYNCIO)
            row["to_sideloop"] = results.ratio(work, peer, SIDELOOP)
            rows.append(row | summary)
    targets = [
        {
            "work": work.name,
            "peer": target.peer.name,
            "target": target.limit.text,
            **(asdict(verdict) if verdict else {"met": None}),
        }
        for work, target, verdict in verdicts(results)
    ]
    head = document(machine, "ns", results.rounds, left_out)
    return head | {"results": rows, "targets": targets}


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
    title = "The event loop's own work: speed beside asyncio's"
    return draw_loops(title, panels, caption, directory / "loop")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what an event loop's own work costs.", rounds=20)
    add_chart(parser, [work.name for work in WORKS])
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets, draw the chart."""
    options = parse(arguments)
    works = [work for work in WORKS if options.only is None or work.name in options.only]
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {options.rounds}, each over all cells in shuffled order, {BATCHES} batches a cell"
        " after a warm-up",
    )
    with ExitStack() as stack:
        loops, left_out = open_loops(stack)
        print_left_out(left_out)
        results = measure(loops, works, options.rounds)
    for work in works:
        print_work(results, work)
    print_targets(results)
    finish(
        options,
        figures(results, machine, left_out),
        lambda directory: draw_chart(results, machine, directory),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
