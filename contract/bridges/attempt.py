"""One cell: one row, tried with one library's bridge, in this process, or in one of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from twins.outcome import told_by

from bridges.libraries import library_of
from bridges.library import Bridge, Library
from bridges.rows import ROWS, Row

CONTRACT = Path(__file__).parents[1]


def row_of(name: str) -> Row:
    """The one of this name."""
    (found,) = [row for row in ROWS if row.name == name]
    return found


def attempt(row: Row, library: Library, whose: str, python: Path, seconds: float) -> str:
    """What comes of it in a process of its own: "yes" if the promise is kept."""
    process = subprocess.Popen(
        [python, "-m", "bridges.attempt", row.name, library.name, whose],
        cwd=CONTRACT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        said = "hangs"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if said == "hangs" or process.returncode == 0:
        return said or "no"
    return f"ended with {process.returncode}"


def main(row: Row, library: Library, whose: str) -> None:
    """Say what comes of it, and end without waiting for anybody's threads, unless the end is it."""
    bridge = Bridge(library, whose)
    try:
        row.attempt(bridge)
    except BaseException as error:  # KeyboardInterrupt, too, may be what comes of it
        traceback.print_exc()
        said = told_by(error)
    else:
        if row.ends:
            return
        said = "yes"
    os.write(1, said.encode())
    os._exit(0)


if __name__ == "__main__":
    main(row_of(sys.argv[1]), library_of(sys.argv[2]), sys.argv[3])
