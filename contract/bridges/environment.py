"""Where a library is installed."""

from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from bridges.library import Library

ROOT = Path(__file__).parents[2]


def python_of(library: Library) -> Path:
    """The interpreter that has it."""
    return ROOT / library.environment / "bin" / "python"


@cache
def versions_in(environment: str) -> dict[str, str]:
    """What is installed there."""
    folders = (ROOT / environment).glob("lib/python*/site-packages")
    found = distributions(path=[str(folder) for folder in folders])
    return {one.name.lower().replace("-", "_"): one.version for one in found}


def version_of(library: Library) -> str | None:
    """Its version there, or None if it is not there."""
    return versions_in(library.environment).get(library.distribution.replace("-", "_"))
