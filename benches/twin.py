"""What a twin costs: a method's call, and a large value on its way in and out.

    python benches/twin.py [--json FILE]

A call of a method beside `run_sync` of the same method, and beside the peers that make sync methods
of async ones. A value of 10,000 small dicts, taken and returned, beside what `json.dumps` takes to
write it once; a manager that has made no twin of a class has nothing to look for in it. Runs are
interleaved (`_measure.py`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict

from _command import command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Call, Cell, Placement, Plan, Spacing, Summary, interleave, measure
from _peers import Peer
from _twin_peers import (
    FLYTE,
    JSON,
    PASSED,
    RUN_SYNC,
    SYNCHRONICITY,
    TWIN,
    UNKNOWN,
    WALKED,
    open_takers,
    open_twins,
)
from _verdict import Limit, as_fast, within

CALLS: tuple[tuple[Peer, Limit], ...] = (
    (RUN_SYNC, within(1.1)),
    (SYNCHRONICITY, as_fast(10)),
    (FLYTE, as_fast(5)),
)
"""What is asked of a twin's method, beside each."""

VALUES: tuple[tuple[str, str, Limit], ...] = (
    (UNKNOWN, PASSED, within(1.1)),
    (WALKED, JSON, as_fast(1)),
)
"""What is asked of the way of a large value, beside what."""


def print_calls(cells: Mapping[Cell, Summary], peers: Sequence[Peer], placement: Placement) -> None:
    """Print the table of one placement, and the targets."""
    of = {peer: cells[Cell(peer.name, Spacing.HOT, placement)] for peer in peers}
    print(f"\na method's call, back to back, {placement.value} (µs a call)")
    print(f"  {'':36}{'version':>10}{HEADINGS}{'to run_sync':>13}")
    for peer in sorted(peers, key=lambda peer: of[peer].median):
        ratio = times(of[peer].median / of[RUN_SYNC].median)
        print(f"  {peer.name:36}{peer.version:>10}{columns(of[peer])}{ratio:>13}")
    for peer, limit in CALLS:
        if peer in of:
            print_target(peer.name, limit, of[TWIN], of[peer])


def print_values(of: Mapping[str, Summary], rows: int) -> None:
    """Print the table of large values, and the targets."""
    print(f"\na list of {rows:,} small dicts, taken and returned (µs)")
    print(f"  {'':46}{HEADINGS}{'to json.dumps':>15}")
    for name, summary in sorted(of.items(), key=lambda item: item[1].median):
        print(f"  {name:46}{columns(summary)}{times(summary.median / of[JSON].median):>15}")
    for name, other, limit in VALUES:
        print_target(f"{name}, beside {other}", limit, of[name], of[other])


def print_target(name: str, limit: Limit, ours: Summary, theirs: Summary) -> None:
    """Print whether a target is met."""
    verdict = limit.judge(ours, theirs)
    figure = f"{TIMES}{verdict.figure:.2f}"
    print(f"  target: {name}: {limit.text}: {figure:8}{verdict.word:9}{verdict.in_rounds}")


def time_value(take: Call) -> list[int]:
    """Time a few calls, after one that is not counted."""
    durations = []
    for _ in range(4):
        begin = time.perf_counter_ns()
        take()
        durations.append(time.perf_counter_ns() - begin)
    return durations[1:]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what a twin costs.", rounds=40)
    parser.add_argument("--calls", type=count, default=200, help="calls a round (%(default)s)")
    parser.add_argument("--rows", type=count, default=10_000, help="dicts (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets."""
    options = parse(arguments)
    plan = Plan(options.rounds, {Spacing.HOT: options.calls}, Placement.unless_asked())
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {plan.rounds}, each over all cells in shuffled order, {options.calls} calls a"
        " batch after a warm-up that is not counted; 3 of large values",
    )
    with ExitStack() as stack:
        calls, left_out = open_twins(stack)
        print_left_out(left_out)
        cells = measure({peer.name: call for peer, call in calls.items()}, plan)
    with ExitStack() as stack:
        takers = open_takers(stack, options.rows)
        values = interleave(takers, plan.rounds, lambda name: time_value(takers[name]), plan.seed)
    for placement in plan.placements:
        print_calls(cells, list(calls), placement)
    print_values(values, options.rows)
    results = [
        {"subject": cell.subject, "placement": cell.placement.name.lower(), **asdict(summary)}
        for cell, summary in cells.items()
    ]
    large = [{"subject": name, **asdict(summary)} for name, summary in values.items()]
    finish(
        options,
        document(machine, "ns", plan.rounds, left_out) | {"calls": results, "values": large},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
