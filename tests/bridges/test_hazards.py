"""The table of `make peers` can be made: one library's column of it is as it is to be."""

import sys
from pathlib import Path

import pytest
from pace import scaled

sys.path.append(str(Path(__file__).parents[2] / "contract"))

from bridges.attempt import attempt
from bridges.hazards import KEPT, Cell
from bridges.libraries import LIBRARIES, library_of
from bridges.library import OURS, THEIRS
from bridges.not_kept import NO_TESTS, NOT_KEPT
from bridges.published import PUBLISHED
from bridges.rows import ROWS, SECONDS, Row

FSSPEC = library_of("fsspec")


def outcome(row: Row, whose: str) -> str:
    return attempt(row, FSSPEC, whose, Path(sys.executable), scaled(SECONDS))


class TestAColumn:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_of_ours_is_kept(self, row: Row) -> None:
        assert outcome(row, OURS) == KEPT

    def test_of_theirs_is_not(self) -> None:
        (ctrl_c,) = [row for row in ROWS if row.name == "ctrl_c"]
        assert outcome(ctrl_c, THEIRS) == "no"


class TestTheLists:
    def test_name_libraries_and_rows_that_there_are(self) -> None:
        names = {(library.name, row.name) for library in LIBRARIES for row in ROWS}
        assert set(NOT_KEPT) <= names
        assert Cell(library_of("asgiref"), ROWS[0], OURS).reason == NOT_KEPT["asgiref", "ctrl_c"]

    def test_say_of_each_library_which_tests_it_has(self) -> None:
        published = {one.drop_in for one in PUBLISHED}
        assert published | set(NO_TESTS) == {library.drop_in for library in LIBRARIES}
        assert published.isdisjoint(NO_TESTS)
