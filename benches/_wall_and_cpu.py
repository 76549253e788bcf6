"""Wall time and CPU time of the same batches: measured, and printed beside asyncio's loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from _figures import HEADINGS, columns, times
from _loops import ASYNCIO, LoopPeer
from _measure import Summary, interleave

K = TypeVar("K")


@dataclass(frozen=True)
class Figures:
    """What a cell took, in nanoseconds."""

    wall: Summary
    cpu: Summary


def interleave_both(
    cells: Iterable[K], rounds: int, time_batch: Callable[[K], tuple[Sequence[float], float]]
) -> dict[K, Figures]:
    """Time a batch of every cell in every round (`_measure.py`).

    Args:
        cells: What to time.
        rounds: How often.
        time_batch: Returns the wall times of one batch, and its CPU time.
    """
    cpu: dict[K, list[list[float]]] = {}

    def time_both(cell: K) -> Sequence[float]:
        wall, of_cpu = time_batch(cell)
        cpu.setdefault(cell, []).append([of_cpu])
        return wall

    walls = interleave(cells, rounds, time_both)
    return {cell: Figures(wall, Summary.of(cpu[cell])) for cell, wall in walls.items()}


def print_both(loops: Mapping[LoopPeer, Figures | str], titles: Mapping[str, str]) -> None:
    """Print two tables.

    Args:
        loops: The figures of each loop, or why it has none; asyncio's has some.
        titles: What stands above that of `cpu`, and that of `wall`.
    """
    for word, title in titles.items():
        print(f"\n{title}")
        print(f"  {'':10}{'version':>9}{HEADINGS}{'to asyncio':>12}")
        standard: Summary = getattr(loops[ASYNCIO], word)
        for peer, figures in loops.items():
            line = f"  {peer.name:10}{peer.version:>9}"
            if isinstance(figures, str):
                print(f"{line}  {figures}")
                continue
            summary: Summary = getattr(figures, word)
            print(f"{line}{columns(summary)}{times(summary.median / standard.median):>12}")


def row_of(peer: LoopPeer, figures: Figures) -> dict[str, object]:
    """What stands in the JSON of one loop's figures."""
    return {"loop": peer.name, "version": peer.version} | asdict(figures)
