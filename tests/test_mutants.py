"""The faults that `make mutants` seeds: each is in the sources, and names tests to find it."""

from pathlib import Path

from mutants.__main__ import CORE, ROOT, Fault, faults, places

TESTS = Path(__file__).parent


def missing(fault: Fault) -> list[str]:
    """Those of its tests that there are not."""
    found: list[str] = []
    for test in fault.killed_by:
        file, *names = test.split("::")
        path = TESTS / file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        is_there = path.is_file() and all(
            f"class {name}:" in text or f"def {name}(" in text for name in names
        )
        if not is_there and test != CORE:
            found.append(test)
    return found


class TestTheListedFaults:
    def test_are_in_the_sources_once_each(self) -> None:
        lost = [str(fault) for fault in faults() if len(places(ROOT, fault)) != 1]
        assert not lost, "bring them to where that code is now"

    def test_change_something_and_are_listed_once(self) -> None:
        changes = [(fault.file, fault.old) for fault in faults() if fault.new != fault.old]
        assert len(set(changes)) == len(faults())

    def test_name_tests_that_there_are(self) -> None:
        assert all(fault.killed_by for fault in faults())
        assert not [(str(fault), gone) for fault in faults() if (gone := missing(fault))]
