"""What one call of an async function costs a synchronous caller: sideloop and its peers.

    python benches/round_trip.py [--pinned] [--spread] [--primitives] [--json FILE]

Every peer calls `async_add(a=10, b=12)`, which returns at its first step, so that what is left is
the way to the loop and back. Calls come in two spacings, because they are two different costs:
back to back, where caches are warm and threads may still be awake; and 1 ms apart, where both ends
have gone to sleep. Runs of the peers are interleaved (`_measure.py`); only the call is timed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from _chart import Bar, Tone, draw
from _command import add_chart, command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Cell, Placement, Plan, Spacing, Summary, clock_cost, measure, usable_cpus
from _peers import PEERS, SIDELOOP, Peer, Thread, open_peers
from _primitives import PRIMITIVES


@dataclass(frozen=True)
class Results:
    """The summaries of all cells, read by peer."""

    plan: Plan
    peers: Sequence[Peer]
    cells: Mapping[Cell, Summary]

    def of(self, peer: Peer, spacing: Spacing, placement: Placement) -> Summary:
        """Return the summary of one cell."""
        return self.cells[Cell(peer.name, spacing, placement)]

    def ratio(self, peer: Peer, spacing: Spacing, placement: Placement) -> float | None:
        """Return the peer's median by sideloop's, or None where sideloop was not measured."""
        if SIDELOOP not in self.peers:
            return None
        ours = self.of(SIDELOOP, spacing, placement).median
        return self.of(peer, spacing, placement).median / ours

    def by_median(self, spacing: Spacing) -> list[Peer]:
        """Return the peers in the order of their unpinned medians, the cheapest first."""
        return sorted(
            self.peers, key=lambda peer: self.of(peer, spacing, Placement.UNPINNED).median
        )


def print_section(results: Results, spacing: Spacing, placement: Placement) -> None:
    """Print the table of one spacing in one placement."""
    moved = placement is not Placement.UNPINNED
    calls = results.plan.rounds * results.plan.batch[spacing]
    print(f"\n{spacing.value}, {placement.value} (µs a call, {calls} calls a peer)")
    header = f"  {'':34}{'version':>10}{HEADINGS}{'to sideloop':>13}"
    print(header + (f"{'to unpinned':>13}" if moved else ""))
    for peer in results.by_median(spacing):
        summary = results.of(peer, spacing, placement)
        name = peer.name + (" *" if peer.thread is Thread.OWN else "")
        line = f"  {name:34}{peer.version:>10}"
        line += columns(summary)
        line += f"{times(results.ratio(peer, spacing, placement)):>13}"
        if moved:
            free = results.of(peer, spacing, Placement.UNPINNED)
            line += f"{times(summary.median / free.median):>13}"
        print(line)


def print_notes(placements: Sequence[Placement], clock: float) -> None:
    """Print what a reader has to know beside the figures."""
    print(
        f"\n  * {Thread.OWN.value}: no other thread takes part, and nothing runs between calls."
        f"\n  The clock and an empty call cost {clock:.0f} ns, which every figure includes."
    )
    print(
        "  Placement: where caller and loop thread sleep on different CPUs, waking the other costs"
        "\n  several times what it costs on one. Unpinned the kernel chooses, and may choose"
        "\n  differently from one round to the next: see the medians of the rounds."
    )
    if Placement.PINNED not in placements:
        print("  --pinned measures every peer on one CPU as well.")
    if Placement.SPREAD not in placements:
        print("  --spread measures every peer with its two ends kept apart as well.")
    else:
        print("  Spread does not part asgiref: its new thread inherits the caller's CPUs.")


def figures(results: Results, machine: Machine, left_out: Mapping[Peer, str]) -> dict[str, object]:
    """Return all figures, in nanoseconds, for JSON."""
    plan = results.plan
    rows = [
        {
            "peer": peer.name,
            "version": peer.version,
            "thread": peer.thread.value,
            "spacing": spacing.name.lower(),
            "placement": placement.name.lower(),
            "to_sideloop": results.ratio(peer, spacing, placement),
            **asdict(results.of(peer, spacing, placement)),
        }
        for placement in plan.placements
        for spacing in plan.batch
        for peer in results.peers
    ]
    batch = {spacing.name.lower(): calls for spacing, calls in plan.batch.items()}
    head = document(machine, "ns", plan.rounds, left_out)
    return head | {"batch": batch, "results": rows}


def draw_chart(results: Results, machine: Machine, directory: Path) -> list[Path]:
    """Draw the unpinned cells, one panel a spacing."""

    def bar(peer: Peer, spacing: Spacing) -> Bar:
        summary = results.of(peer, spacing, Placement.UNPINNED)
        tone = Tone.BRIDGE if peer.thread is Thread.OTHER else Tone.OWN_THREAD
        return Bar(
            label=peer.name,
            tone=Tone.OURS if peer is SIDELOOP else tone,
            median=summary.median,
            p10=summary.p10,
            p90=summary.p90,
            ratio=""
            if peer is SIDELOOP
            else times(results.ratio(peer, spacing, Placement.UNPINNED)),
        )

    order = results.by_median(Spacing.HOT)
    panels = {
        f"Calls {spacing.value}": [bar(peer, spacing) for peer in order]
        for spacing in results.plan.batch
    }
    caption = f"Median, p10 to p90, and {TIMES} sideloop's median. Logarithmic scale. {machine}."
    return draw(panels, caption, directory / "round_trip")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(
        "Compare what one call of an async function costs a synchronous caller.", rounds=40
    )
    add = parser.add_argument
    add("--calls", type=count, default=200, help="calls back to back a round (%(default)s)")
    add("--spaced-calls", type=count, default=50, help="calls 1 ms apart a round (%(default)s)")
    add("--pinned", action="store_true", help="also with every thread on one CPU")
    add("--spread", action="store_true", help="also with the caller and the others kept apart")
    add("--primitives", action="store_true", help="also what sideloop has for others' bridges")
    add_chart(parser)
    options = parser.parse_args(arguments)
    if options.pinned or options.spread:
        if not hasattr(os, "sched_setaffinity"):
            parser.error("--pinned and --spread need sched_setaffinity, which only Linux has")
        if len(usable_cpus()) < 2:
            parser.error("--pinned and --spread need two usable CPUs to differ from unpinned")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, draw the chart."""
    options = parse(arguments)
    asked = {Placement.PINNED: options.pinned, Placement.SPREAD: options.spread}
    plan = Plan(
        rounds=options.rounds,
        batch={Spacing.HOT: options.calls, Spacing.SPACED: options.spaced_calls},
        placements=[Placement.UNPINNED, *(place for place, wanted in asked.items() if wanted)],
    )
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {plan.rounds}, each over all cells in shuffled order; warm-up before each batch"
        " not counted",
    )
    with ExitStack() as stack:
        peers = (*PEERS, *PRIMITIVES) if options.primitives else PEERS
        calls, left_out = open_peers(stack, peers)
        print_left_out(left_out)
        clock = clock_cost()
        cells = measure({peer.name: call for peer, call in calls.items()}, plan)
    results = Results(plan, list(calls), cells)
    for placement in plan.placements:
        for spacing in plan.batch:
            print_section(results, spacing, placement)
    print_notes(plan.placements, clock)
    finish(
        options,
        figures(results, machine, left_out),
        lambda directory: draw_chart(results, machine, directory),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
