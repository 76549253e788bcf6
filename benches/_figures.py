"""The figures: how the benches write them in a table and read them from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from _measure import Summary

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


HEADINGS = f"{'median':>10}{'p10':>10}{'p90':>10}{'medians of the rounds':>25}"
"""What stands above `columns`."""


def columns(summary: Summary, write: Callable[[float], str] = microseconds) -> str:
    """Write the columns that every table has of a summary, spread included."""
    figures = (summary.median, summary.p10, summary.p90)
    low, high = write(min(summary.round_medians)), write(max(summary.round_medians))
    return "".join(f"{write(figure):>10}" for figure in figures) + f"{f'{low} to {high}':>25}"


def count(text: str) -> int:
    """Read a number of rounds or calls."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
