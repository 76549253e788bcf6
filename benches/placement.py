"""What a call costs wherever its threads are, and whatever is busy beside them.

    python benches/placement.py [--only NAME] [--json FILE]

`async_add(a=10, b=12)` is called in six situations: with the threads where the kernel puts them;
all on one CPU; the caller and the others on different CPUs; from a new thread in each round; beside
two busy processes; beside two busy Python threads. Calls come back to back and 1 ms apart. Beside
the bridges, in the same situation and spacing, two threads that only wake one another without
Python (`benches/ping_pong`): what the kernel takes for the two wake-ups of a call. Cells take turns
in a shuffled order (`_measure.py`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from _chart import Bar, Sheet, Tone, draw
from _command import add_chart, command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Spacing, usable_cpus
from _peers import DRIVEN, FLYTEKIT, RUN_UNTIL_COMPLETE, open_peers
from _ping_pong import ping_pong
from _placements import FLOORS, OURS, PEERS, WARM_UP, Cell, Results, Size, measure
from _situations import Situation
from _verdict import Verdict, as_fast, within

OF_DEFAULT = within(1.3)
"""What is asked of sideloop in each situation, beside its own default."""

OF_FLOOR = within(2)
"""What is asked of its calls 1 ms apart, beside a ping-pong in the same situation."""

OF_PEERS = (
    (Spacing.HOT, RUN_UNTIL_COMPLETE, (Situation.DEFAULT,), within(0.5)),
    (Spacing.HOT, FLYTEKIT, (Situation.DEFAULT, Situation.PINNED, Situation.SPREAD), as_fast(6)),
    (Spacing.SPACED, FLYTEKIT, (Situation.DEFAULT,), within(0.35)),
)
"""What is asked of it beside others in the same situation."""


def print_section(results: Results, spacing: Spacing, situation: Situation) -> None:
    """Print the table of one spacing in one situation."""
    print(f"\n{spacing.value}, {situation.value.title} (µs a call)")
    print(f"  {'':34}{HEADINGS}{'calls':>8}{'to default':>12}{'to sideloop':>13}{'to futex':>10}")
    futex = next(iter(FLOORS))
    for subject in results.subjects:
        cell = Cell(subject, situation, spacing)
        summary = results.cells[cell]
        line = f"  {subject:34}{columns(summary)}{summary.calls:>8}"
        default = results.ratio(cell, Cell(subject, Situation.DEFAULT, spacing))
        line += f"{times(default):>12}"
        line += f"{times(results.ratio(cell, Cell(OURS, situation, spacing))):>13}"
        print(line + f"{times(results.ratio(cell, Cell(futex, situation, spacing))):>10}")


def print_firsts(results: Results) -> None:
    """Print what a new thread's first call took."""
    print("\nthe first call of a new thread (µs)")
    print(f"  {'':34}{HEADINGS}")
    for subject, summary in results.firsts.items():
        print(f"  {subject:34}{columns(summary)}")
    print(
        "  sideloop gives a new thread the loop of one that has ended, where there is one; flytekit"
        "\n  makes a loop for each new name of a thread, and keeps it; the others have one for all."
    )


def print_verdict(text: str, verdict: Verdict | None, word: str | None = None) -> None:
    """Print a target and whether it is met, or what else the word says."""
    if verdict is None:
        print(f"  {text:86}{'-':>7}  not measured")
        return
    figure = f"{TIMES}{verdict.figure:.2f}"
    print(f"  {text:86}{figure:>7}  {word or verdict.word:12}{verdict.in_rounds}")


def print_targets(results: Results) -> None:
    """Print the targets, and whether they are met."""
    print("\ntargets for sideloop")
    for spacing, peer, situations, limit in OF_PEERS:
        for situation in situations:
            verdict = results.judge(
                limit, Cell(OURS, situation, spacing), Cell(peer.name, situation, spacing)
            )
            place = f"{spacing.value}, {situation.value.label}"
            print_verdict(f"{place:30}{peer.name:30}{limit.text}", verdict)
    for situation in Situation:
        ours = Cell(OURS, situation, Spacing.SPACED)
        for floor in FLOORS:
            verdict = results.judge(OF_FLOOR, ours, Cell(floor, situation, Spacing.SPACED))
            place = f"{Spacing.SPACED.value}, {situation.value.label}"
            print_verdict(f"{place:30}{floor:30}{OF_FLOOR.text}", verdict)
    for spacing in results.size.calls:
        for situation in Situation:
            if situation is Situation.DEFAULT:
                continue
            ours = Cell(OURS, situation, spacing)
            verdict = results.judge(OF_DEFAULT, ours, Cell(OURS, Situation.DEFAULT, spacing))
            place = f"{spacing.value}, {situation.value.label}"
            word = None
            if verdict and not verdict.met and is_wake_up(results, ours):
                word = "the wake-up"
            print_verdict(f"{place:30}{'its own default':30}{OF_DEFAULT.text}", verdict, word)
    print_hand_offs(results)
    print(
        f"  the wake-up: not met, but {OF_FLOOR.text.replace('its time', 'a ping-pong')} there,"
        " which is what the kernel takes\n  beside busy Python threads a call waits until they"
        " let go of the interpreter: see benches/drive.py for the drive that need not wait"
    )


def print_hand_offs(results: Results) -> None:
    """Print how much of a call 1 ms apart is its two hand-offs: the rest needs no other thread."""
    futex = next(iter(FLOORS))
    for situation in Situation:
        cells = [Cell(subject, situation, Spacing.SPACED) for subject in (OURS, DRIVEN.name, futex)]
        if not set(cells) <= set(results.cells):
            continue
        ours, driven, floor = (results.cells[cell].median for cell in cells)
        print(
            f"  {f'{Spacing.SPACED.value}, {situation.value.label}':30}"
            f"{ours / 1e3:.2f} µs, of which {driven / 1e3:.2f} without a hand-off;"
            f" the rest is {TIMES}{(ours - driven) / floor:.2f} of a {futex}"
        )


def is_wake_up(results: Results, ours: Cell) -> bool:
    """Say whether the kernel's two wake-ups alone explain what a call costs."""
    floors = (Cell(floor, ours.situation, ours.spacing) for floor in FLOORS)
    verdicts = [results.judge(OF_FLOOR, ours, floor) for floor in floors]
    return any(verdict is not None and verdict.met for verdict in verdicts)


def figures(results: Results) -> dict[str, object]:
    """Return all figures, in nanoseconds, for JSON."""
    rows = [
        {
            "subject": cell.subject,
            "situation": cell.situation.value.title,
            "spacing": cell.spacing.name.lower(),
            "to_default": results.ratio(cell, Cell(cell.subject, Situation.DEFAULT, cell.spacing)),
            "to_sideloop": results.ratio(cell, Cell(OURS, cell.situation, cell.spacing)),
            **asdict(summary),
        }
        for cell, summary in results.cells.items()
    ]
    firsts = {subject: asdict(summary) for subject, summary in results.firsts.items()}
    return {"results": rows, "first_calls": firsts}


def draw_chart(results: Results, machine: Machine, directory: Path) -> list[Path]:
    """Draw sideloop, flytekit and the futex in each situation, one panel a spacing."""
    drawn = {
        OURS: ("sideloop", Tone.OURS),
        FLYTEKIT.name: ("flytekit", Tone.BRIDGE),
        next(iter(FLOORS)): ("ping-pong", Tone.OWN_THREAD),
    }

    def bar(cell: Cell) -> Bar:
        name, tone = drawn[cell.subject]
        summary = results.cells[cell]
        ratio = results.ratio(cell, Cell(OURS, cell.situation, cell.spacing))
        return Bar(
            label=f"{name}, {cell.situation.value.label}",
            tone=tone,
            median=summary.median,
            p10=summary.p10,
            p90=summary.p90,
            ratio="" if cell.subject == OURS else times(ratio),
        )

    panels = {
        f"Calls {spacing.value}": [
            bar(Cell(subject, situation, spacing))
            for situation in Situation
            for subject in drawn
            if subject in results.subjects
        ]
        for spacing in results.size.calls
    }
    sheet = Sheet(
        "One call wherever its threads are",
        {
            Tone.OURS: "sideloop",
            Tone.BRIDGE: "flytekit",
            Tone.OWN_THREAD: "two threads that wake one another by futex, without Python",
        },
    )
    caption = f"Median, p10 to p90, and {TIMES} sideloop's median. Logarithmic scale. {machine}."
    return draw(panels, caption, directory / "placement", sheet)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what a call costs wherever its threads are.", rounds=15)
    add = parser.add_argument
    add("--calls", type=count, default=220, help="calls back to back a batch (%(default)s)")
    add("--spaced-calls", type=count, default=44, help="calls 1 ms apart a batch (%(default)s)")
    add("--ms", type=count, default=100, help="milliseconds a batch, at most (%(default)s)")
    add_chart(parser, [peer.name for peer in PEERS])
    options = parser.parse_args(arguments)
    if sys.platform != "linux" or len(usable_cpus()) < 2:
        parser.error("this needs Linux, whose threads can be placed, and two usable CPUs")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets, draw the chart."""
    options = parse(arguments)
    size = Size(
        rounds=options.rounds,
        calls={Spacing.HOT: options.calls, Spacing.SPACED: options.spaced_calls},
        seconds=options.ms / 1e3,
    )
    peers = [peer for peer in PEERS if options.only is None or peer.name in options.only]
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {size.rounds}, each over all cells in shuffled order; {options.calls} calls a"
        f" batch back to back, {options.spaced_calls} 1 ms apart, or as many as go into"
        f" {options.ms} ms;\nthe first {1 / WARM_UP:.0%} of a batch do not count; switch interval"
        f" {sys.getswitchinterval() * 1e3:g} ms",
    )
    with ExitStack() as stack:
        calls, left_out = open_peers(stack, peers)
        print_left_out(left_out)
        floors = None
        try:
            floors = stack.enter_context(ping_pong())
        except FileNotFoundError as error:
            print(f"left out: the ping-pong: no {error.filename}, which would build it")
        results = measure({peer.name: call for peer, call in calls.items()}, floors, size)
    for spacing in size.calls:
        for situation in Situation:
            print_section(results, spacing, situation)
    print_firsts(results)
    print_targets(results)
    finish(
        options,
        document(machine, "ns", size.rounds, left_out) | figures(results),
        lambda directory: draw_chart(results, machine, directory),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
