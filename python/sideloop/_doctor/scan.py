"""All that is installed, read for bridges: what each distribution has, and what was not read."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from sideloop._doctor.installed import Installed, Source
from sideloop._doctor.kind import IN_FUNCTIONS, Kind
from sideloop._doctor.peers import Peer, normalized, peers
from sideloop._doctor.source import Finding, Findings, UnreadableError, findings

MOST_BYTES = 2**21
"""Files larger than this are not read: they are data that somebody has written as Python."""


@dataclass(frozen=True)
class Place:
    """A finding, and the file that has it."""

    finding: Finding
    source: Source


@dataclass
class Package:
    """What was found in one distribution."""

    name: str | None
    """None for modules of no distribution: the user's own."""

    version: str | None
    loaded: bool
    """Whether this process has imported any of it."""

    peer: Peer | None
    """If it is a library that brings a bridge."""

    places: list[Place] = field(default_factory=list[Place])

    @property
    def shown(self) -> str:
        """Its name and version."""
        if self.name is None:
            return "modules of your own"
        return f"{self.name} {self.version}" if self.version else self.name

    def of(self, what: Kind | Peer) -> list[Place]:
        """The places of one kind."""
        return [place for place in self.places if place.finding.what is what]


@dataclass(frozen=True)
class Problem:
    """What was not read, and why."""

    where: str
    why: str


@dataclass
class Scan:
    """What was found in all of them."""

    packages: list[Package] = field(default_factory=list[Package])
    """Those with a bridge."""

    problems: list[Problem] = field(default_factory=list[Problem])

    distributions: int = 0
    """How many were read."""

    files: int = 0
    """How many files were read."""

    tests: int = 0
    """How many files were not, since they are tests."""

    beginnings: int = 0
    """In how many places a program begins, which are left out."""

    inside: int = 0
    """How many places are what a library's own bridge is made of: left out, too."""


def scan(all_installed: Iterable[Installed]) -> Scan:
    """Read the sources, without importing any."""
    result = Scan()
    for one in all_installed:
        result.distributions += one.name is not None
        result.problems += [Problem(one.name or "", why) for why in one.problems]
        package = _package(one)
        for source in one.sources:
            if _is_test(source):
                result.tests += 1
                continue
            try:
                found = _read(source, one)
            except UnreadableError as error:
                result.problems.append(Problem(source.shown, str(error)))
                continue
            result.files += 1
            result.beginnings += found.beginnings
            others = [one for one in found.found if not _is_own(one, package)]
            result.inside += len(found.found) - len(others)
            package.places += [Place(one, source) for one in others]
        if package.peer is not None or package.places:
            result.packages.append(package)
    return result


def _package(one: Installed) -> Package:
    roots = {source.shown.partition("/")[0].removesuffix(".py") for source in one.sources}
    loaded = any(root in sys.modules for root in roots)
    return Package(one.name, one.version, loaded, peers().get(normalized(one.name or "")))


def _is_own(finding: Finding, package: Package) -> bool:
    """Whether it is what a library offers, and no use of it.

    What to write instead of a library's bridge is said once, of the library.
    """
    if package.peer is not None:
        return finding.what is package.peer or finding.what in IN_FUNCTIONS
    return normalized(finding.name.partition(".")[0]) == normalized(package.name or "")


def _is_test(source: Source) -> bool:
    *folders, file = source.shown.split("/")
    in_tests = any(folder in ("test", "tests") for folder in folders)
    return in_tests or file == "conftest.py" or file.startswith("test_")


def _read(source: Source, one: Installed) -> Findings:
    # By its name: a file of a package that was installed as another user's may not be readable.
    try:
        size = source.path.stat().st_size
        if size > MOST_BYTES:
            raise UnreadableError(f"{size} bytes, and no more than {MOST_BYTES} are read")
        data = source.path.read_bytes()
    except FileNotFoundError:
        raise UnreadableError("is in the list of files, but not there") from None
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror}") from None
    is_main = source.shown.rpartition("/")[2] == "__main__.py"
    return findings(data, _beginnings(source, one), is_main=is_main)


def _beginnings(source: Source, one: Installed) -> set[str]:
    """The functions of this file that programs of its distribution begin with."""
    module = source.shown.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    entries = (entry.split(":") for entry in one.beginnings if ":" in entry)
    return {function for name, function in entries if name == module}
