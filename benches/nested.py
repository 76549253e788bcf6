"""What a call costs that is nested three deep: sync, async, sync, async, sync, async.

    python benches/nested.py [--json FILE]

Async code that calls sync code that calls async code is what a bridge is asked to do as soon as
libraries are stacked. Few can: each peer is tried first, in a process of its own
(`_nesting_trial.py`), and what the others do instead is printed. Calls come back to back, with the
threads where the kernel puts them and with all of them on one CPU, which favours bridges that park.
Runs of the peers are interleaved (`_measure.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from _chart import Bar, Sheet, Tone, draw
from _command import add_chart, command, document, finish, print_head
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Cell, Placement, Plan, Spacing, Summary, measure
from _nesting import DEPTH, FLYTEKIT, NESTED, SIDELOOP
from _nesting_trial import refusal
from _peers import Peer, Thread, open_peers
from _verdict import as_fast

TARGET = as_fast(5)
"""What is asked of sideloop, beside flytekit."""


@dataclass(frozen=True)
class Results:
    """The summaries of all cells, read by peer."""

    plan: Plan
    peers: Sequence[Peer]
    cells: Mapping[Cell, Summary]

    def of(self, peer: Peer, placement: Placement) -> Summary:
        """Return the summary of one cell."""
        return self.cells[Cell(peer.name, Spacing.HOT, placement)]

    def ratio(self, peer: Peer, other: Peer, placement: Placement) -> float | None:
        """Return the peer's median by the other's, or None where that was not measured."""
        if other not in self.peers:
            return None
        return self.of(peer, placement).median / self.of(other, placement).median


def print_section(results: Results, placement: Placement) -> None:
    """Print the table of one placement."""
    print(f"\nback to back, {placement.value} (µs a call, {DEPTH} deep)")
    print(f"  {'':36}{'version':>10}{HEADINGS}{'to flytekit':>13}{'to sideloop':>13}")
    for peer in sorted(results.peers, key=lambda peer: results.of(peer, placement).median):
        summary = results.of(peer, placement)
        name = peer.name + (" *" if peer.thread is Thread.OWN else "")
        line = f"  {name:36}{peer.version:>10}"
        line += columns(summary)
        line += f"{times(results.ratio(peer, FLYTEKIT, placement)):>13}"
        print(line + f"{times(results.ratio(peer, SIDELOOP, placement)):>13}")


def print_target(results: Results) -> None:
    """Print whether the target is met."""
    print(f"\n  * on {Thread.OWN.value}")
    print(f"\ntarget for {SIDELOOP.name}, beside {FLYTEKIT.name}: {TARGET.text}")
    for placement in results.plan.placements:
        if not {SIDELOOP, FLYTEKIT} <= set(results.peers):
            print(f"  {placement.value:36}not measured")
            continue
        verdict = TARGET.judge(results.of(SIDELOOP, placement), results.of(FLYTEKIT, placement))
        figure = f"{TIMES}{verdict.figure:.2f}"
        print(f"  {placement.value:36}{figure:8}{verdict.word:9}{verdict.in_rounds}")


def figures(results: Results) -> list[dict[str, object]]:
    """Return all figures, in nanoseconds, for JSON."""
    return [
        {
            "peer": peer.name,
            "version": peer.version,
            "placement": placement.name.lower(),
            "to_flytekit": results.ratio(peer, FLYTEKIT, placement),
            "to_sideloop": results.ratio(peer, SIDELOOP, placement),
            **asdict(results.of(peer, placement)),
        }
        for placement in results.plan.placements
        for peer in results.peers
    ]


def draw_chart(results: Results, machine: Machine, directory: Path) -> list[Path]:
    """Draw the peers, one panel a placement."""

    def bar(peer: Peer, placement: Placement) -> Bar:
        summary = results.of(peer, placement)
        return Bar(
            label=peer.name,
            tone=Tone.OURS if peer.distribution == SIDELOOP.distribution else Tone.BRIDGE,
            median=summary.median,
            p10=summary.p10,
            p90=summary.p90,
            ratio="" if peer is SIDELOOP else times(results.ratio(peer, SIDELOOP, placement)),
        )

    panels = {
        f"{placement.value[:1].upper()}{placement.value[1:]}": [
            bar(peer, placement) for peer in results.peers
        ]
        for placement in results.plan.placements
    }
    sheet = Sheet(
        f"A call nested {DEPTH} deep: sync, async, sync, async, sync, async",
        {Tone.OURS: "sideloop", Tone.BRIDGE: "other bridges that can"},
    )
    caption = (
        f"Median, p10 to p90, and {TIMES} the median of sideloop.run_sync. Logarithmic scale."
        f" {machine}."
    )
    return draw(panels, caption, directory / "nested", sheet)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what a call costs that is nested three deep.", rounds=40)
    add = parser.add_argument
    add("--calls", type=count, default=100, help="calls a round (%(default)s)")
    add_chart(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try, measure, print the tables and the target, draw the chart."""
    options = parse(arguments)
    plan = Plan(options.rounds, {Spacing.HOT: options.calls}, Placement.unless_asked())
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {plan.rounds}, each over all cells in shuffled order, {options.calls} calls a"
        " batch after a warm-up that is not counted",
    )
    refusals = {peer: refusal(peer) for peer in NESTED}
    left_out = {peer: reason for peer, reason in refusals.items() if reason is not None}
    print("\nwhat came of the trial of those that are not measured")
    for peer, reason in left_out.items():
        print(f"  {peer.name:36}{reason}")
    sys.stdout.flush()
    with ExitStack() as stack:
        calls, _ = open_peers(stack, [peer for peer in NESTED if peer not in left_out])
        cells = measure({peer.name: call for peer, call in calls.items()}, plan)
    results = Results(plan, list(calls), cells)
    for placement in plan.placements:
        print_section(results, placement)
    print_target(results)
    finish(
        options,
        document(machine, "ns", plan.rounds, left_out) | {"results": figures(results)},
        lambda directory: draw_chart(results, machine, directory),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
