"""What it costs to move bytes: native transports beside asyncio's, and other loops.

    python benches/io_bytes.py [--only NAME] [--rounds N] [--json FILE]

Every loop is given the same work (`_bytes_works.py`, `_tls_works.py`), both ends on the loop that
is measured. Time, and the CPU time of the process, which is what a busy server runs out of. All
loops stay open for the whole run, and every round takes a batch of each piece of work on each loop,
in a shuffled order (`_measure.py`).
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from _bytes_works import WORKS as BYTES_WORKS
from _bytes_works import IoWork
from _chart_loops import draw_loops
from _command import add_chart, command, document, finish, print_head, print_left_out
from _datagram_works import DATAGRAM_WORKS
from _loops import IO_LOOPS, WITH_ASYNCIOS, LoopPeer, Loops, open_loops
from _machine import Machine
from _pipe_works import PIPE_WORKS
from _tls_works import TLS_WORKS
from _wall_and_cpu import Figures, interleave_both, print_both, row_of

WORKS = (*BYTES_WORKS, *DATAGRAM_WORKS, *PIPE_WORKS, *TLS_WORKS)


@dataclass(frozen=True)
class Cell:
    """One piece of work on one loop."""

    work: IoWork
    peer: LoopPeer


def measure(loops: Loops, works: Sequence[IoWork], rounds: int) -> Mapping[Cell, Figures]:
    """Give every loop every piece of work, in every round."""

    def time_batch(cell: Cell) -> tuple[list[float], float]:
        loop, run, n = loops[cell.peer], cell.work.run, cell.work.n
        # So that no loop pays for collecting what another has left.
        gc.collect()
        took = loop.run_until_complete(run(n))
        return [took.wall / n], took.cpu / n

    cells = [
        Cell(work, peer)
        for work in works
        for peer in loops
        if peer.name not in work.hangs | work.lacks
    ]
    return interleave_both(cells, rounds, time_batch)


def print_work(results: Mapping[Cell, Figures], work: IoWork, loops: Loops) -> None:
    """Print the two tables of one piece of work."""
    of_work: dict[LoopPeer, Figures | str] = {
        peer: "never ends it"
        if peer.name in work.hangs
        else "refuses it"
        if peer.name in work.lacks
        else results[Cell(work, peer)]
        for peer in loops
    }
    unit = f"(µs an answer, {work.n:,} a batch)"
    titles = {"cpu": f"CPU time of the process {unit}", "wall": f"time {unit}"}
    print_both(of_work, {word: f"{work.title}: {title}" for word, title in titles.items()})


def draw_chart(
    results: Mapping[Cell, Figures], works: Sequence[IoWork], rounds: int, machine: Machine
) -> Callable[[Path], list[Path]]:
    """Draw the CPU time of every loop beside asyncio's, one panel a piece of work."""
    panels = {
        work.title: {
            cell.peer.name: figures.cpu
            for cell, figures in results.items()
            if cell.work is work and cell.peer is not WITH_ASYNCIOS
        }
        for work in works
    }
    caption = (
        f"CPU time of the process: median of {rounds} batches, p10 to p90, and how many times as"
        f" little as asyncio's. Logarithmic scale. {machine}."
    )
    title = "Moving bytes: how little CPU time, beside asyncio's"
    return lambda directory: draw_loops(title, panels, caption, directory / "io")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what it costs to move bytes.", rounds=20)
    add_chart(parser, [work.name for work in WORKS])
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables."""
    options = parse(arguments)
    works = [work for work in WORKS if options.only is None or work.name in options.only]
    machine = Machine.here()
    print_head(machine, f"rounds: {options.rounds}, each over all cells in shuffled order")
    with ExitStack() as stack:
        loops, left_out = open_loops(stack, IO_LOOPS)
        print_left_out(left_out)
        results = measure(loops, works, options.rounds)
    for work in works:
        print_work(results, work, loops)
    rows = [
        {"work": cell.work.name} | row_of(cell.peer, figures) for cell, figures in results.items()
    ]
    figures = document(machine, "ns", options.rounds, left_out) | {"results": rows}
    finish(options, figures, draw_chart(results, works, options.rounds, machine))
    return 0


if __name__ == "__main__":
    sys.exit(main())
