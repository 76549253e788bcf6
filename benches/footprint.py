"""What sideloop takes beside time: an idle loop's memory, descriptors and threads, and the import.

    python benches/footprint.py [--json FILE]

An idle loop, of which each has served one call, is what is left between calls: many are made in a
process of its own (`_idle.py`), and what the process holds more is divided among them. An import is
timed in a new interpreter (`_importing.py`). Both are interleaved with the peers' (`_measure.py`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from _command import command, document, finish, print_head
from _figures import count, times
from _idle import SIDELOOP, SUBJECTS
from _importing import BASE, MODULES, OURS, dearest, time_import
from _machine import Machine
from _measure import Summary, interleave
from _peers import version_of
from _verdict import Limit

IDLE = Path(__file__).with_name("_idle.py")

WHATS = ("resident", "descriptors", "threads")


def at_most(most: float, unit: str) -> Limit:
    """So much itself, at most."""
    return Limit(f"at most {most:g} {unit}", lambda ours, _: ours, lambda figure: figure <= most)


TARGETS = {
    "resident": at_most(40 * 1024, "bytes resident"),
    "descriptors": at_most(3, "descriptors"),
    "threads": at_most(1, "thread"),
}
"""What is asked of an idle sideloop Runner."""

IMPORT_TARGET = Limit(
    f"at most 10 ms more than import {BASE}",
    lambda ours, _: ours,
    lambda figure: figure <= 10e6,
)
"""What is asked of its import."""


@dataclass(frozen=True)
class Cell:
    """What a subject takes of one thing."""

    subject: str
    what: str


def measure_idle(processes: int, number: int) -> tuple[dict[Cell, Summary], dict[str, str]]:
    """Make many of every subject, in as many processes each; also say why some cannot be made."""
    left_out: dict[str, str] = {}
    batches: dict[Cell, list[list[float]]] = {}

    def resident(subject: str) -> list[float]:
        ended = subprocess.run(
            [sys.executable, str(IDLE), subject, str(number)],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            error = ended.stderr.splitlines()[-1:] or [f"exit code {ended.returncode}"]
            left_out[subject] = error[0]
            return [0.0]
        held: dict[str, float] = json.loads(ended.stdout)
        for what in WHATS:
            batches.setdefault(Cell(subject, what), []).append([held[what]])
        return [held["resident"]]

    interleave(SUBJECTS, processes, resident)
    complete = {cell: of for cell, of in batches.items() if cell.subject not in left_out}
    return {cell: Summary.of(of) for cell, of in complete.items()}, left_out


def measure_imports(rounds: int) -> tuple[dict[str, Summary], dict[str, str]]:
    """Time every import in as many new interpreters; also say which cannot be imported."""
    # Once before, so that what is compiled is kept, and files are in the system's cache.
    missing = {name: "cannot be imported" for name in MODULES if time_import(name) is None}

    def timed(module: str) -> list[float]:
        took = time_import(module)
        if took is None:
            raise RuntimeError(f"{module} could be imported once, and then no more")
        return [took]

    return interleave([name for name in MODULES if name not in missing], rounds, timed), missing


def print_idle(idle: Mapping[Cell, Summary], number: int) -> None:
    """Print what an idle loop takes."""
    print(f"\nwhat each of {number} takes, idle after one call (the median of the processes)")
    header = f"  {'':34}{'version':>10}{'resident KiB':>14}{'lowest to highest':>20}"
    print(f"{header}{'descriptors':>13}{'threads':>9}")
    for subject, (distribution, _) in SUBJECTS.items():
        if Cell(subject, "resident") not in idle:
            continue
        resident, descriptors, threads = (idle[Cell(subject, what)] for what in WHATS)
        low, high = min(resident.round_medians) / 1024, max(resident.round_medians) / 1024
        line = f"  {subject:34}{version_of(distribution):>10}{resident.median / 1024:>14.1f}"
        line += f"{f'{low:.1f} to {high:.1f}':>20}"
        print(f"{line}{descriptors.median:>13.2f}{threads.median:>9.2f}")


def print_imports(imports: Mapping[str, Summary]) -> None:
    """Print what imports take."""
    print(f"\nimport in a new interpreter, after {BASE} but for its own (ms)")
    header = f"  {'':34}{'version':>10}{'median':>9}{'p10':>9}{'p90':>9}"
    print(f"{header}{'to sideloop':>13}")
    for name, summary in imports.items():
        line = f"  {name:34}{version_of(MODULES[name]):>10}"
        for value in (summary.median, summary.p10, summary.p90):
            line += f"{value / 1e6:>9.2f}"
        print(line + f"{times(summary.median / imports[OURS].median):>13}")
    modules = ", ".join(f"{name} {took / 1e3:.2f}" for name, took in dearest(6))
    print(f"  dearest of what sideloop imports beyond {BASE}, in one traced run:\n  {modules}")


def print_targets(idle: Mapping[Cell, Summary], imports: Mapping[str, Summary]) -> None:
    """Print the targets, and whether they are met."""
    print("\ntargets for sideloop")
    for what, limit in TARGETS.items():
        ours = idle[Cell(SIDELOOP, what)]
        verdict = limit.judge(ours, ours)
        line = f"  {SIDELOOP:20}{limit.text:38}{verdict.figure:>9,.0f}  {verdict.word:9}"
        print(line + verdict.in_rounds.replace("rounds", "processes"))
    verdict = IMPORT_TARGET.judge(imports[OURS], imports[OURS])
    line = f"  {f'import {OURS}':20}{IMPORT_TARGET.text:38}{f'{verdict.figure / 1e6:.2f} ms':>9}"
    print(f"{line}  {verdict.word:9}{verdict.in_rounds.replace('rounds', 'starts')}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what an idle loop and an import take.", rounds=30)
    add = parser.add_argument
    add("--processes", type=count, default=7, help="of each kind of idle loop (%(default)s)")
    add("--number", type=count, default=100, help="of idle loops in a process (%(default)s)")
    options = parser.parse_args(arguments)
    if sys.platform != "linux":
        parser.error("this reads from /proc what a process holds, which only Linux has")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets."""
    options = parse(arguments)
    machine = Machine.here()
    print_head(
        machine,
        f"{options.processes} processes for each kind of idle loop, and {options.rounds} starts of"
        " the interpreter for each import, in shuffled order",
    )
    idle, left_out = measure_idle(options.processes, options.number)
    imports, missing = measure_imports(options.rounds)
    for name, reason in (left_out | missing).items():
        print(f"left out: {name}: {reason}")
    print_idle(idle, options.number)
    print_imports(imports)
    print_targets(idle, imports)
    rows = [asdict(cell) | asdict(summary) for cell, summary in idle.items()]
    import_rows = [{"import": name} | asdict(summary) for name, summary in imports.items()]
    head = document(machine, "bytes, pieces; imports: ns", options.rounds, {})
    left = {"left_out": left_out | missing}
    finish(options, head | left | {"idle": rows, "imports": import_rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
