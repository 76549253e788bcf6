"""The table of `make peers`: what libraries get of ours in the place of their own bridges.

python -m bridges [--only LIBRARY] [--rounds N]     try all, print all
python -m bridges.attempt ROW LIBRARY ours|theirs   one cell of the hazards, in this process

It fails if a published test fails, or if a promise is not kept that is to be; a cost that is above
the library's own is said, and is no failure: machines are busy.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bridges import hazards
from bridges.environment import ROOT, python_of, version_of
from bridges.hazards import KEPT, Cell
from bridges.libraries import LIBRARIES
from bridges.library import OURS, THEIRS, Library
from bridges.not_kept import NO_TESTS
from bridges.published import PUBLISHED, Counts, Published, run
from bridges.rows import ROWS

TESTS = 300
"""So many of theirs have to pass on ours."""

TIMES = "\N{MULTIPLICATION SIGN}"

Costs = Mapping[tuple[str, str], Mapping[str, Any]]


def say(text: str = "") -> None:
    """Print it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tests_of(libraries: Sequence[Library]) -> dict[Published, Counts]:
    """Run what the libraries publish."""
    drop_ins = {library.drop_in for library in libraries}
    found = {}
    for published in PUBLISHED:
        if published.drop_in not in drop_ins:
            continue
        found[published] = counts = run(published)
        passed = f"{counts.passed} passed, {counts.skipped} skipped"
        say(f"{published.distribution}: {counts.run} run, {passed}")
        if counts.failed:
            say(counts.said)
    return found


def costs_of(libraries: Sequence[Library], rounds: int) -> Costs:
    """Measure, in a process of its own."""
    only = [word for library in libraries for word in ("--only", library.name)]
    bench = ROOT / "benches" / "drop_ins.py"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "costs"
        command = [sys.executable, bench, "--rounds", str(rounds), "--json", file, *only]
        subprocess.run(command, check=True)
        rows = json.loads(file.read_text(encoding="utf-8"))["results"]
    return {(row["library"], row["spacing"]): row for row in rows}


def print_hazards(libraries: Sequence[Library], found: Mapping[Cell, str]) -> None:
    """Print each promise, and what comes of it with each library, by its own and by ours."""
    for row in ROWS:
        say(f"\n{row.says}")
        for library in libraries:
            theirs, ours = (found[Cell(library, row, whose)] for whose in (THEIRS, OURS))
            reason = Cell(library, row, OURS).reason
            say(f"  {library.name:30}{theirs:26}{ours:26}{reason or ''}")


def print_left_out(tests: Mapping[Published, Counts]) -> None:
    """Print which of their tests are not run, and why."""
    for published in tests:
        for name, reason in published.left_out.items():
            say(f"{published.distribution}: {name}: {reason}")
    for name, reason in NO_TESTS.items():
        say(f"{name}: {reason}")


def costs(row: Mapping[str, Any] | None) -> list[str]:
    """The cells of what a call costs: by theirs, by ours, and how many times ours theirs is."""
    if row is None:
        return ["-", "-", "-"]
    theirs, ours = (row[whose]["median"] / 1000 for whose in (THEIRS, OURS))
    return [f"{theirs:.1f}", f"{ours:.1f}", f"{TIMES} {theirs / ours:.2g}"]


def table(
    libraries: Sequence[Library],
    tests: Mapping[Published, Counts],
    measured: Costs,
    found: Mapping[Cell, str],
) -> list[list[str]]:
    """The rows of the table."""
    rows = [
        ["", "", "tests", "", "", "", "µs hot", "", "", "µs apart", "", "", "kept", ""],
        [
            *("library", "version", "run", "passed", "failed", "left out"),
            *("theirs", "ours", "", "theirs", "ours", "", "theirs", "ours"),
        ],
    ]
    for library in libraries:
        own = [
            (published, counts)
            for published, counts in tests.items()
            if published.drop_in == library.name
        ]
        numbers = [
            sum(getattr(counts, what) for _, counts in own)
            for what in ("run", "passed", "failed", "left_out")
        ]
        kept = [
            sum(found[Cell(library, row, whose)] == KEPT for row in ROWS)
            for whose in (THEIRS, OURS)
        ]
        rows.append(
            [
                *(library.name, str(version_of(library))),
                *(map(str, numbers) if own else "----"),
                *costs(measured.get((library.name, "hot"))),
                *costs(measured.get((library.name, "spaced"))),
                *(f"{number}/{len(ROWS)}" for number in kept),
            ]
        )
    return rows


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print it in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def main(arguments: Sequence[str]) -> int:
    """Try all that was asked for."""
    parser = argparse.ArgumentParser(description="What libraries get of sideloop's drop-ins.")
    names = [library.name for library in LIBRARIES]
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--rounds", type=int, default=30, help="of the bench (%(default)s)")
    options = parser.parse_args(arguments)
    asked = [one for one in LIBRARIES if not options.only or one.name in options.only]
    libraries = [one for one in asked if version_of(one) and python_of(one).exists()]

    say("\n== their own tests, on ours")
    tests = tests_of(libraries)
    say("\n== what a call costs")
    measured = costs_of(libraries, options.rounds)
    say("\n== what is promised, by theirs and by ours (what hangs is waited for: minutes)")
    found = hazards.found_by(libraries)
    print_hazards(libraries, found)
    say("\n== their tests that are left out")
    print_left_out(tests)
    say("\n== the table")
    for library in asked:
        if library not in libraries:
            say(f"left out: {library.name}: not installed in {library.environment}")
    print_table(table(libraries, tests, measured, found))

    wrong = hazards.wrong_in(found)
    wrong += [
        f"{published.distribution}: {counts.failed} of its tests fail, {counts.passed} pass"
        for published, counts in tests.items()
        if counts.failed or counts.passed < published.passed
    ]
    passed = sum(counts.passed for counts in tests.values())
    if not options.only and passed < TESTS:
        wrong.append(f"{passed} tests of theirs pass, fewer than {TESTS}")
    slower = [
        f"{library}, {spacing}: {TIMES} {row['verdict']['figure']:.2f}"
        for (library, spacing), row in measured.items()
        if not row["verdict"]["met"]
    ]
    say(f"\n{passed} tests of theirs pass on ours")
    say("\n".join(["costs more than the library's own:", *slower] if slower else []))
    say("\n".join(["wrong:", *wrong] if wrong else ["all else as it is to be"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
