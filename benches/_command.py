"""The command: what every bench takes on its command line, says first, and does last."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

from _figures import count
from _machine import Machine

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"

Draw = Callable[[Path], Sequence[Path]]


class Named(Protocol):
    """A peer, of which the small print needs the name."""

    @property
    def name(self) -> str:
        """What it is called in a table."""


N = TypeVar("N", bound=Named)


def command(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return a parser of what every bench takes."""
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("--rounds", type=count, default=rounds, help="rounds over all cells (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser


def add_chart(parser: argparse.ArgumentParser, names: Sequence[str] = ()) -> None:
    """Add what a bench with a chart takes.

    Args:
        parser: The bench's.
        names: What it can be asked for alone.
    """
    add = parser.add_argument
    but = ", but none by --only" if names else ""
    add("--out", type=Path, metavar="DIR", help=f"chart goes here (docs/images{but})")
    if names:
        add("--only", action="append", choices=names, help="this one alone; may be repeated")


def print_head(machine: Machine, text: str) -> None:
    """Say on what, and how, it is measured."""
    print(f"{machine}\nload average before: {os.getloadavg()[0]:.2f}\n{text}")
    print(
        "garbage collector as the interpreter starts it, for everyone"
        f" ({'on' if gc.isenabled() else 'off'}, thresholds {gc.get_threshold()})"
    )
    sys.stdout.flush()


def print_left_out(left_out: Mapping[N, str]) -> None:
    """Say what is not measured, and why."""
    for peer, reason in left_out.items():
        print(f"left out: {peer.name}: {reason}")
    sys.stdout.flush()


def document(
    machine: Machine, unit: str, rounds: int, left_out: Mapping[N, str]
) -> dict[str, object]:
    """Return what stands in every bench's JSON before its figures."""
    return {
        "machine": asdict(machine),
        "unit": unit,
        "rounds": rounds,
        "left_out": {peer.name: reason for peer, reason in left_out.items()},
    }


def finish(
    options: argparse.Namespace, figures: Mapping[str, object], draw: Draw | None = None
) -> None:
    """Write the figures where they were asked for, and draw the chart, if there is one.

    Not where only a part was measured: that is not what docs/images is for.
    """
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if draw is None:
        return
    directory = options.out or (None if getattr(options, "only", None) else IMAGES)
    if directory is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        print("\nno chart: matplotlib is not installed")
    else:
        print(f"\nchart: {', '.join(path.name for path in draw(directory))}")
