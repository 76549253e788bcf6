"""The chart: medians as horizontal bars on a logarithmic scale, whiskers from p10 to p90."""

# mypy: disable-error-code="import-not-found,no-untyped-call"
# matplotlib may be absent where this is type-checked.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Tone(Enum):
    """A bar's colour, which is its role in the comparison."""

    OURS = "#c8501e"
    BRIDGE = "#5b7083"
    OWN_THREAD = "#bcc5cd"


@dataclass(frozen=True)
class Bar:
    """One bar. Its figures are in the unit that the sheet writes."""

    label: str
    tone: Tone
    median: float
    p10: float
    p90: float
    ratio: str


INK, FAINT = "#22282d", "#6b757e"

# Identifiers in an SVG are random without a salt, and the date is written without being asked for:
# a rerun would differ where its data do not.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "sideloop",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#c9cfd4",
    "axes.labelcolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": INK,
}
SVG_METADATA = {"Date": None, "Creator": None}
PNG_METADATA = {"Software": None}


def duration(nanoseconds: float) -> str:
    """Write a duration with at most three significant digits, in the unit a reader would use.

    >>> duration(336), duration(4210), duration(343_000), duration(1_000_000)
    ('336 ns', '4.2 µs', '343 µs', '1 ms')
    """
    units = ("ns", "µs", "ms")
    power = 0
    while nanoseconds >= 999.5 and power < len(units) - 1:
        nanoseconds /= 1000
        power += 1
    text = f"{nanoseconds:.1f}" if nanoseconds < 99.95 and power else f"{nanoseconds:.0f}"
    return f"{text.removesuffix('.0')} {units[power]}"


@dataclass(frozen=True)
class Sheet:
    """What is the same in all panels of one picture.

    Attributes:
        title: The headline.
        tones: What the legend calls each tone that occurs.
        write: Turns a figure into text; the figures are durations in nanoseconds without it.
        room: How much of the scale is left free on the right, as a factor, for the figures there.
    """

    title: str
    tones: Mapping[Tone, str]
    write: Callable[[float], str] = duration
    room: float = 40


ROUND_TRIP = Sheet(
    "One call of an async function from sync code",
    {
        Tone.OURS: "sideloop",
        Tone.BRIDGE: "other bridges to another thread",
        Tone.OWN_THREAD: "on the caller's own thread",
    },
)


def quiet(axes: Axes) -> None:
    """Leave of the frame what a reader needs: the bottom line and faint lines up from it."""
    axes.xaxis.grid(visible=True, color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


@contextmanager
def picture(
    size: tuple[float, float], sheet: Sheet, caption: str, stem: Path, paths: list[Path]
) -> Iterator[Figure]:
    """Give a figure with headline, legend and small print, and write it when the block ends.

    Args:
        size: Width and height in inches.
        sheet: The headline and the legend.
        caption: What was measured and where, in small print.
        stem: The path of the files to write, without a suffix: a PNG and an SVG.
        paths: Gets the paths of the files.
    """
    # Here, not above: importing it makes a great many objects, which every full collection of
    # the measured process would visit.
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch

    # The headline and the small print take the same height whatever the height of the picture.
    foot, head = 0.442 / size[1], 0.416 / size[1]
    with mpl.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(rect=(0.005, foot, 0.985, 1 - foot - head), wspace=0.04)
        figure = Figure(figsize=size, dpi=160, facecolor="white", layout=layout)
        yield figure
        figure.suptitle(
            sheet.title,
            x=0.012,
            y=1 - 0.13 / size[1],
            ha="left",
            fontsize=13.5,
            weight="bold",
        )
        figure.legend(
            handles=[Patch(color=tone.value, label=name) for tone, name in sheet.tones.items()],
            loc="upper right",
            bbox_to_anchor=(0.995, 1 - 0.026 / size[1]),
            ncols=len(sheet.tones),
            frameon=False,
            handlelength=1.0,
            handleheight=0.9,
        )
        figure.text(0.012, 0.114 / size[1], caption, ha="left", fontsize=8.5, color=FAINT)
        stem.parent.mkdir(parents=True, exist_ok=True)
        png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
        figure.savefig(png, metadata=PNG_METADATA)
        figure.savefig(svg, metadata=SVG_METADATA)
    paths += [png, svg]


def _draw_panel(
    axes: Axes,
    title: str,
    bars: Sequence[Bar],
    limits: tuple[float, float],
    ticks: int,
    sheet: Sheet,
) -> None:
    from matplotlib.ticker import LogLocator

    rows = range(len(bars))
    axes.barh(rows, [bar.median for bar in bars], 0.62, color=[bar.tone.value for bar in bars])
    axes.errorbar(
        [bar.median for bar in bars],
        rows,
        xerr=[[bar.median - bar.p10 for bar in bars], [bar.p90 - bar.median for bar in bars]],
        fmt="none",
        ecolor=INK,
        elinewidth=1.1,
        capsize=3,
    )
    for row, bar in zip(rows, bars, strict=True):
        figures = axes.annotate(
            sheet.write(bar.median),
            (bar.p90, row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            weight="bold",
            color=bar.tone.value if bar.tone is Tone.OURS else INK,
        )
        axes.annotate(
            bar.ratio,
            (1, 0.5),
            xycoords=figures,
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=FAINT,
        )
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.xaxis.set_major_locator(LogLocator(numticks=ticks))
    axes.xaxis.set_major_formatter(lambda value, _: sheet.write(value))
    quiet(axes)
    axes.set_title(title, loc="left", fontsize=11, weight="bold", pad=8)
    axes.set_yticks(rows, [bar.label for bar in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    # Only the leftmost panel has labels: the rows are the same in all.
    for label in axes.get_yticklabels():
        if label.get_text() in (bar.label for bar in bars if bar.tone is Tone.OURS):
            label.set_color(Tone.OURS.value)
            label.set_fontweight("bold")


def draw(
    panels: Mapping[str, Sequence[Bar]], caption: str, stem: Path, sheet: Sheet = ROUND_TRIP
) -> list[Path]:
    """Draw the panels side by side and write them beside each other as PNG and SVG.

    Args:
        panels: The bars of each panel by its title; the same labels in the same order in each.
        caption: What was measured and where, in small print.
        stem: The path of the files to write, without a suffix.
        sheet: What is the same in all panels.

    Returns:
        The paths of the files.
    """
    bars = [bar for series in panels.values() for bar in series]
    # Room on the right for the figures beside the longest whisker.
    limits = (min(bar.p10 for bar in bars) / 2, max(bar.p90 for bar in bars) * sheet.room)
    paths: list[Path] = []
    rows = max(len(series) for series in panels.values())
    with picture((12.5, max(5.2, 1.6 + 0.32 * rows)), sheet, caption, stem, paths) as figure:
        for axes, (title, series) in zip(
            figure.subplots(1, len(panels), sharey=True, squeeze=False)[0],
            panels.items(),
            strict=True,
        ):
            # As many as have room for their texts.
            _draw_panel(axes, title, series, limits, 12 // len(panels), sheet)
    return paths
