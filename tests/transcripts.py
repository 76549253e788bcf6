"""Pages that show files and a shell: files are written, and commands must print what is shown.

A file is a block of code under a line with its name in backticks and a colon. A block that begins
with a prompt is a shell's: commands, each with its output (stdout and stderr, in the order in which
they come). There a line of three dots stands for any lines, and three dots within a line for any
text. A command that is not shown to fail, by a traceback, must not.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pace import scaled

DOCS = Path(__file__).parents[1] / "docs"

_BLOCK = re.compile(
    r"(?:^`(?P<name>[\w./-]+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class File:
    """A file that a reader writes."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """What a reader types, and what comes of it."""

    typed: str
    printed: str

    @property
    def fails(self) -> bool:
        return "Traceback (most recent call last):" in self.printed

    def matches(self, output: str) -> bool:
        lines = ("(?:.*\n)*?" if line == "...\n" else _one_line(line) for line in _lines(self))
        return re.fullmatch("".join(lines), output) is not None


def _lines(command: Command) -> list[str]:
    return command.printed.splitlines(keepends=True)


def _one_line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("..."))


def steps(page: Path) -> Iterator[File | Command]:
    """What a reader of the page does, from first to last."""
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["name"] is not None:
            yield File(block["name"], block["text"])
        elif block["text"].startswith("$ "):
            for one in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                typed, _, printed = one.partition("\n")
                yield Command(typed, printed)


def write(file: File, directory: Path) -> None:
    path = directory / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text, encoding="utf-8")


def run(command: Command, directory: Path, programs: Path | None = None) -> str:
    """Do what is typed, and check what comes of it: what was printed.

    `python` is the one in the folder of `programs`, or that of the tests.
    """
    here = programs or Path(sys.executable).parent
    # On a slow machine a program that hangs gets as much longer to come to it as other limits are.
    typed = re.sub(
        r"\btimeout (\d+)", lambda limit: f"timeout {scaled(int(limit[1])):.0f}", command.typed
    )
    # As the page's reader has it, whatever mode the tests run in.
    modes = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS", "SIDELOOP_DRIVE")
    environment = {name: value for name, value in os.environ.items() if name not in modes}
    ended = subprocess.run(
        ["bash", "-c", typed],
        cwd=directory,
        env=environment | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=scaled(60),
        check=False,
    )
    # Tracebacks and warnings name files as they were found.
    output = ended.stdout.replace(f"{directory}{os.sep}", "")
    assert command.matches(output), f"$ {command.typed}\n{output}--- is shown as\n{command.printed}"
    assert (ended.returncode == 0) is not command.fails, f"$ {command.typed}\n{output}"
    return output
