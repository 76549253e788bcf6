"""All rows of all libraries, by their own bridges and by ours."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pace import scaled

from bridges.attempt import attempt
from bridges.environment import python_of
from bridges.library import OURS, THEIRS, Library
from bridges.not_kept import NOT_KEPT
from bridges.rows import ROWS, SECONDS, Row

KEPT = "yes"


@dataclass(frozen=True)
class Cell:
    """One row with one bridge."""

    library: Library
    row: Row
    whose: str

    @property
    def reason(self) -> str | None:
        """Why ours does not keep it."""
        return NOT_KEPT.get((self.library.name, self.row.name))


def found_by(libraries: Iterable[Library]) -> Mapping[Cell, str]:
    """Try all, two at once for each core: many of them hang, and sleep."""
    cells = [
        Cell(library, row, whose)
        for library in libraries
        for row in ROWS
        for whose in (THEIRS, OURS)
    ]

    def try_one(cell: Cell) -> str:
        python = python_of(cell.library)
        return attempt(cell.row, cell.library, cell.whose, python, scaled(SECONDS))

    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as threads:
        return dict(zip(cells, threads.map(try_one, cells), strict=True))


def wrong_in(found: Mapping[Cell, str]) -> list[str]:
    """What ours was to keep, and what it was not to."""
    said = []
    for cell, outcome in found.items():
        if cell.whose == OURS and (outcome == KEPT) == (cell.reason is not None):
            expected = "kept" if cell.reason is None else "not kept"
            said.append(f"{cell.library.name}: {cell.row.says}: {outcome}, but is to be {expected}")
    return said
