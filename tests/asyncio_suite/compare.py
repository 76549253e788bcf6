"""Compares two runs of a module: what passes on the standard loop must pass on ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from asyncio_suite import exclusions
from asyncio_suite.journal import Entries, Entry, Verdict
from asyncio_suite.process import Subject


@dataclass(frozen=True)
class Suspect:
    """A test that passes on the standard loop and did not pass on ours, at first."""

    module: str
    subject: Subject
    test: str
    first: Entry
    ours_again: list[Entry] = field(default_factory=list)
    standard_again: list[Entry] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return 1 + len(self.ours_again)

    @property
    def bad_runs(self) -> int:
        return 1 + sum(not entry.verdict.good for entry in self.ours_again)

    @property
    def unreliable(self) -> bool:
        """Whether it fails on the standard loop as well, now and then."""
        return any(entry.verdict.bad for entry in self.standard_again)

    @property
    def regression(self) -> bool:
        """Whether it fails on ours alone, and in most of the runs."""
        return not self.excluded and not self.unreliable and 2 * self.bad_runs > self.runs

    @property
    def excluded(self) -> str | None:
        """The reason why it may fail, if there is one."""
        return exclusions.reason(self.test)


def find_suspects(
    module: str,
    subject: Subject,
    standard: Entries,
    ours: Entries,
    asked: frozenset[str] | None,
) -> Iterator[Suspect]:
    """What does not pass on ours, of the tests asked for, and does on the standard loop."""
    for test in compared(standard, asked):
        entry = ours.get(test, Entry(Verdict.MISSING))
        if not entry.verdict.good:
            yield Suspect(module, subject, test, entry)
    # What the standard loop has not: a fixture that fails, an end of the process that is none.
    for test, entry in ours.items():
        known = standard.get(test, Entry(Verdict.MISSING)).verdict
        if entry.verdict.bad and known in (Verdict.MISSING, Verdict.SKIPPED):
            yield Suspect(module, subject, test, entry)


def compared(standard: Entries, asked: frozenset[str] | None) -> list[str]:
    """The tests that the two are compared by."""
    return [
        test
        for test, entry in standard.items()
        if entry.verdict.good and (asked is None or test in asked)
    ]
