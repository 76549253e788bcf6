"""The list of the crates that a wheel is built with: release/crates.txt.

A lock that cargo writes names a registry on every line. The list says as much without: each crate,
its version, and the checksum of its archive. A lock is made of it when sideloop is packaged.

`python release/crates.py Cargo.lock` writes the list, of a lock.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("crates.txt")

HEADING = """\
# The crates that wheels are built with, for all systems: name, version, and SHA-256 of the archive.
# Written by scripts/lock. scripts/sdist makes a Cargo.lock of it.
"""


@dataclass(frozen=True, order=True)
class Crate:
    """One version of one crate."""

    name: str
    version: str
    checksum: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.checksum}"


def read(path: Path = PATH) -> list[Crate]:
    """What the list has.

    Raises:
        ValueError: A line is none of a crate.
    """
    crates: list[Crate] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not re.fullmatch(r"[\w-]+ [\w.+-]+ [0-9a-f]{64}", line):
            raise ValueError(f"{path}: {line!r} is not the name, version and checksum of a crate")
        crates.append(Crate(*line.split(" ")))
    return crates


def of_lock(lock: Path) -> list[Crate]:
    """What a Cargo.lock has, but for what is in the repository."""
    return sorted(Crate(*found) for found in _LOCKED.findall(lock.read_text(encoding="utf-8")))


_LOCKED = re.compile(
    r'^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "([0-9a-f]{64})"', re.MULTILINE
)


def write(crates: list[Crate], path: Path = PATH) -> None:
    """Write the list."""
    path.write_text(HEADING + "".join(f"{one}\n" for one in crates), encoding="utf-8")


if __name__ == "__main__":
    write(of_lock(Path(sys.argv[1])))
