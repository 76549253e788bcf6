"""The loops' chart: one small panel a piece of work, each loop's speed as a multiple of asyncio's.

Bars start at asyncio's speed: to the right is faster, to the left slower, and the same length is
the same ratio in every panel.
"""

# mypy: disable-error-code="import-not-found,no-untyped-call"
# matplotlib may be absent where this is type-checked.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from _chart import FAINT, INK, Sheet, Tone, duration, picture, quiet
from _figures import times
from _measure import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BASE, OURS = "asyncio", "sideloop"
COLUMNS = 4
# Room on the right for the figures beside the longest whisker.
ROOM = 7.0
# A whisker of a bad moment may leave the panel on the left; the table has its figure.
LEAST = 0.45

TONES = {Tone.OURS: "sideloop.EventLoop", Tone.BRIDGE: "other loops"}


def _draw_panel(
    axes: Axes,
    title: str,
    loops: Mapping[str, Summary],
    names: Sequence[str],
    limits: tuple[float, float],
) -> None:
    base = loops[BASE].median
    for name, summary in loops.items():
        row = names.index(name)
        tone = Tone.OURS if name == OURS else Tone.BRIDGE
        speed = base / summary.median
        # A slow batch is a low speed: p90 of the time is the whisker's left end.
        low, high = base / summary.p90, base / summary.p10
        axes.barh(row, speed - 1, 0.62, left=1, color=tone.value)
        axes.errorbar(
            speed,
            row,
            xerr=[[speed - low], [high - speed]],
            fmt="none",
            ecolor=INK,
            elinewidth=1,
            capsize=2.5,
        )
        figures = axes.annotate(
            duration(summary.median),
            (max(high, 1), row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            weight="bold",
            color=tone.value if name == OURS else INK,
        )
        axes.annotate(
            "" if name == BASE else times(speed),
            (1, 0.5),
            xycoords=figures,
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=FAINT,
        )
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32) if limits[0] <= tick <= limits[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8.5)
    axes.minorticks_off()
    axes.axvline(1, color=INK, linewidth=0.9)
    quiet(axes)
    axes.set_title(title, loc="left", fontsize=10, weight="bold", pad=6)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for label in axes.get_yticklabels():
        if label.get_text() == OURS:
            label.set_color(Tone.OURS.value)
            label.set_fontweight("bold")


def draw_loops(
    title: str, panels: Mapping[str, Mapping[str, Summary]], caption: str, stem: Path
) -> list[Path]:
    """Draw the panels in rows of four and write them as PNG and SVG.

    Args:
        title: What they show.
        panels: Each loop's summary by its name, by the panel's title; asyncio's among them.
        caption: What was measured and where, in small print.
        stem: The path of the files to write, without a suffix.

    Returns:
        The paths of the files.
    """
    spans = [
        (loops[BASE].median / summary.p90, loops[BASE].median / summary.p10)
        for loops in panels.values()
        for summary in loops.values()
    ]
    limits = (max(LEAST, min(low for low, _ in spans) / 1.1), max(high for _, high in spans) * ROOM)
    # Some loops cannot do everything; their rows stay empty there.
    names = list(dict.fromkeys(name for loops in panels.values() for name in loops))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    paths: list[Path] = []
    with picture((12.5, 0.9 + 1.65 * rows), Sheet(title, TONES), caption, stem, paths) as figure:
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
        for (name, loops), axes in zip(panels.items(), grid, strict=False):
            _draw_panel(axes, name, loops, names, limits)
        for axes in grid:  # those that are left
            axes.set_axis_off()
    return paths
