"""What a call costs through a library's bridge: its own one, and ours in its place.

    python benches/drop_ins.py [--only LIBRARY] [--json FILE]

Each library's bridge is in two processes, one of which has sideloop's drop-in; both do the same
work, `async_add(10, 12)`, which returns at its first step. Batches of all of them are interleaved
(`_measure.py`); who is not asked sleeps. `contract/bridges/libraries.py` says how each is called.
The target: no call costs more by ours than by the library's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _command import command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Spacing, Summary, interleave
from _verdict import as_fast

CONTRACT = Path(__file__).resolve().parent.parent / "contract"

sys.path.append(str(CONTRACT))

from bridges.environment import python_of, version_of  # noqa: E402  # where it is is not known before
from bridges.libraries import LIBRARIES  # noqa: E402
from bridges.library import OURS, THEIRS, Library  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = as_fast(1)


@dataclass(frozen=True)
class Cell:
    """A library's bridge, by whose code, in one spacing."""

    library: str
    whose: str
    spacing: Spacing


class Child:
    """A process in which a library's bridge is, by one's code or the other's."""

    def __init__(self, library: Library, whose: str) -> None:
        self._process = subprocess.Popen(
            [python_of(library), Path(__file__).with_name("_bridge.py"), library.name, whose],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def time_batch(self, spacing: Spacing, calls: int) -> list[float]:
        """The nanoseconds of so many calls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{spacing.name} {calls}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"{self._process.args} has ended with {self._process.wait()}")
        found: list[float] = json.loads(said)
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def opened(library: Library, whose: str) -> Iterator[Child]:
    """A process, until the block is left."""
    child = Child(library, whose)
    try:
        yield child
    finally:
        child.close()


def print_library(library: Library, cells: Mapping[Cell, Summary]) -> None:
    """Print a library's lines."""
    print(f"\n{library.name} {version_of(library)} (µs a call)\n  {'':24}{HEADINGS}{'to ours':>10}")
    for spacing in Spacing:
        ours = cells[Cell(library.name, OURS, spacing)]
        for whose in (THEIRS, OURS):
            summary = cells[Cell(library.name, whose, spacing)]
            ratio = times(summary.median / ours.median)
            print(f"  {f'{whose}, {spacing.value}':24}{columns(summary)}{ratio:>10}")


def rows(libraries: Sequence[Library], cells: Mapping[Cell, Summary]) -> list[dict[str, object]]:
    """A row a library and spacing: what each costs, and whether the target is met."""
    found: list[dict[str, object]] = []
    for library in libraries:
        for spacing in Spacing:
            theirs = cells[Cell(library.name, THEIRS, spacing)]
            ours = cells[Cell(library.name, OURS, spacing)]
            found.append(
                {
                    "library": library.name,
                    "version": version_of(library),
                    "spacing": spacing.name.lower(),
                    "theirs": asdict(theirs),
                    "ours": asdict(ours),
                    "verdict": asdict(TARGET.judge(ours, theirs)),
                }
            )
    return found


def print_targets(libraries: Sequence[Library], cells: Mapping[Cell, Summary]) -> None:
    """Print whether the target is met."""
    print(f"\ntarget: {TARGET.text} than the library's own, by medians")
    for library in libraries:
        for spacing in Spacing:
            ours, theirs = (cells[Cell(library.name, one, spacing)] for one in (OURS, THEIRS))
            verdict = TARGET.judge(ours, theirs)
            said = f"{TIMES}{verdict.figure:.2f}, {verdict.word}, {verdict.in_rounds}"
            print(f"  {library.name:30}{spacing.value:16}{said}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare the bridges of libraries with ours in their place.", rounds=30)
    add = parser.add_argument
    add("--calls", type=count, default=100, help="calls back to back a round (%(default)s)")
    add("--spaced-calls", type=count, default=30, help="calls 1 ms apart a round (%(default)s)")
    names = [library.name for library in LIBRARIES]
    add("--only", action="append", choices=names, help="this one alone; may be repeated")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables."""
    options = parse(arguments)
    machine = Machine.here()
    asked = [one for one in LIBRARIES if not options.only or one.name in options.only]
    libraries = [library for library in asked if version_of(library)]
    left_out = {one: f"not installed in {one.environment}" for one in asked if one not in libraries}
    print_head(machine, f"rounds: {options.rounds}, each over all cells in shuffled order")
    print_left_out(left_out)
    batch = {Spacing.HOT: options.calls, Spacing.SPACED: options.spaced_calls}
    with ExitStack() as stack:
        children = {
            (library.name, whose): stack.enter_context(opened(library, whose))
            for library in libraries
            for whose in (THEIRS, OURS)
        }
        cells = interleave(
            [Cell(*key, spacing) for key in children for spacing in batch],
            options.rounds,
            lambda cell: children[cell.library, cell.whose].time_batch(
                cell.spacing, batch[cell.spacing]
            ),
        )
    for library in libraries:
        print_library(library, cells)
    print_targets(libraries, cells)
    head = document(machine, "ns", options.rounds, left_out)
    finish(options, head | {"results": rows(libraries, cells)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
