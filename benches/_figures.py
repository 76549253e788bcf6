"""The figures: how the benches write them in a table and read them from the command line."""

from __future__ import annotations

import argparse

TIMES = "\N{MULTIPLICATION SIGN}"


def microseconds(nanoseconds: float) -> str:
    """Write a duration for a column of microseconds."""
    value = nanoseconds / 1e3
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def times(ratio: float | None) -> str:
    """Write a ratio."""
    if ratio is None:
        return "-"
    digits = 3 if ratio < 0.1 else 2 if ratio < 1 else 1 if ratio < 100 else 0
    return f"{TIMES}{ratio:.{digits}f}"


def count(text: str) -> int:
    """Read a number of rounds or calls."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
