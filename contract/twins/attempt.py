"""One cell of the table: one row, tried with one tool, in this process."""

import importlib
import os
import sys
import traceback
from types import ModuleType

from twins.outcome import told_by
from twins.rows import ROWS, Row


def tool_of(name: str) -> ModuleType:
    """A tool, by the name of its file."""
    return importlib.import_module(f"twins.tools.{name}")


def outcome(row: Row, tool: ModuleType) -> str:
    """What comes of it."""
    try:
        found = row.attempt(tool)
    except BaseException as error:  # KeyboardInterrupt, too, may be what comes of it
        traceback.print_exc()
        return told_by(error)
    if isinstance(found, str) and found != "yes":
        return found
    if found is False:
        return "no"
    return "by hand" if row.name in tool.BY_HAND else "yes"


def main(name: str, tool: str) -> None:
    """Say it, and end without waiting for anybody's threads."""
    (row,) = [row for row in ROWS if row.name == name]
    sys.stdout.write(outcome(row, tool_of(tool)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
