"""Environments with few packages in them: sideloop, some that are made up, some that are real."""

import importlib.metadata
import os
import subprocess
import sysconfig
import textwrap
import venv
from collections.abc import Mapping
from pathlib import Path

from pace import scaled

import sideloop

Ended = subprocess.CompletedProcess[str]


class Environment:
    """A virtual environment that has sideloop, as this one has it, and what a test puts in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        """The directory in which commands run."""

        self.home.mkdir(parents=True)
        venv.create(folder / "env", with_pip=False, symlinks=True)
        self.python = folder / "env" / "bin" / "python"
        # CPython 3.10 has no layout of that name; Debian's default one is not that of environments.
        layout = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
        self.packages = Path(sysconfig.get_path("purelib", layout, {"base": str(folder / "env")}))
        self._link(Path(sideloop.__file__).parent)

    def borrow(self, *names: str) -> None:
        """Have packages that are installed here, too."""
        for name in names:
            distribution = importlib.metadata.distribution(name)
            roots = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
            for root in sorted(roots):
                self._link(Path(str(distribution.locate_file(root))))

    def install(
        self,
        name: str,
        files: Mapping[str, str],
        *,
        version: str = "1.0",
        entry_points: str = "",
        record: list[str] | None = None,
    ) -> None:
        """Make up a package, with these files, and a list of them."""
        write(self.packages, files)
        metadata = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "RECORD": "".join(f"{file},,\n" for file in (files if record is None else record)),
            "entry_points.txt": textwrap.dedent(entry_points),
        }
        write(self.packages / f"{name}-{version}.dist-info", metadata)

    def run(self, *texts: str) -> Ended:
        """Run the interpreter."""
        return subprocess.run(
            [self.python, *texts],
            cwd=self.home,
            env=os.environ | {"PYTHON_COLORS": "0", "COLUMNS": "100", "PYTHONPATH": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=scaled(60),
            check=False,
        )

    def _link(self, path: Path) -> None:
        (self.packages / path.name).symlink_to(path)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
