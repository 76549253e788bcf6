"""`stubs`: writes what type checkers see of a package's twins, or checks that it is up to date."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sideloop._cli.errors import CommandError
from sideloop._cli.outcome import write_line
from sideloop._cli.target import import_named
from sideloop._stubs.errors import StubError
from sideloop._stubs.package import stubs_of

DESCRIPTION = """\
Import a package with all its modules, and write a stub (a .pyi file beside the source) for each
module that has twins of async classes, functions or modules at its top level. The same sources give
the same stubs. This needs mypy, which `pip install "sideloop[stubs]"` brings.
"""

EPILOG = """\
exit codes:
  0 the stubs are up to date now; 1 they are not (with --check), or cannot be written; 2 what was
  typed is no module

examples:
  python -m sideloop stubs shop
  python -m sideloop stubs shop --check
"""


def write(packages: Sequence[str]) -> None:
    """Write the stubs, and say which have changed.

    Raises:
        CommandError: They cannot be written.
    """
    for path, text in _outdated(packages).items():
        try:
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error}") from None
        write_line(sys.stdout, f"{'removed' if text is None else 'wrote'} {_shown(path)}")


def check(packages: Sequence[str]) -> None:
    """Write nothing, but say what would be written.

    Raises:
        CommandError: A stub is missing, or is not what would be written.
    """
    outdated = _outdated(packages)
    if outdated:
        each = [f"\n  {_shown(path)}: {_fault(path, text)}" for path, text in outdated.items()]
        raise CommandError(
            f"stubs are not up to date; run python -m sideloop stubs {' '.join(packages)}"
            f"{''.join(each)}"
        )


def _outdated(packages: Sequence[str]) -> dict[Path, str | None]:
    """The stubs that are missing or other than they should be, as they should be."""
    found: dict[Path, str | None] = {}
    for name in packages:
        try:
            found.update(stubs_of(import_named(name)))
        except StubError as error:
            raise CommandError(str(error)) from None
    return {path: text for path, text in sorted(found.items()) if _text(path) != text}


def _fault(path: Path, text: str | None) -> str:
    if text is None:
        return "left over, of a module that has no twins any more"
    return "out of date" if path.exists() else "missing"


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
