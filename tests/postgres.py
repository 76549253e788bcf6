"""A PostgreSQL of the system's, in a folder of its own, for the tests of one process."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest
from pace import scaled

MISSING = "no PostgreSQL here: apt-get install postgresql"


def _commands() -> Path:
    """Where initdb is: Debian has it in a folder for each version."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip(MISSING)
    return found[-1].parent


def _none(folder: Path) -> Mapping[str, object]:  # as others are called
    return {}


@contextlib.contextmanager
def running(
    settings: Callable[[Path], Mapping[str, object]] = _none,
) -> Generator[Path]:
    """The folder of its socket, while it runs; it listens to nothing else unless a setting says so.

    Args:
        settings: Returns some more, for that folder, in which it may write files.
    """
    commands = _commands()
    # It does not run as root; Debian's package has made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)

        def run(*command: "str | Path") -> None:
            subprocess.run(
                command, cwd=folder, user=user, check=True, timeout=scaled(60), capture_output=True
            )

        data, log = folder / "data", folder / "log"
        run(commands / "initdb", "--auth=trust", "--no-sync", "--username=postgres", data)
        given = {"listen_addresses": "''", "unix_socket_directories": folder, "fsync": "off"}
        given |= settings(folder)
        if user is not None:
            for written in folder.iterdir():
                shutil.chown(written, user)
        options = " ".join(f"-c {name}={value}" for name, value in given.items())
        run(
            commands / "pg_ctl",
            "--wait",
            f"--pgdata={data}",
            f"--log={log}",
            "-o",
            options,
            "start",
        )
        try:
            yield folder
        finally:
            run(commands / "pg_ctl", "--wait", f"--pgdata={data}", "--mode=immediate", "stop")
