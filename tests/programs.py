"""Runs a Python program in a process of its own, and sees all that the shell sees.

A program that hangs is a failure that shows where: each of its processes writes the stacks of all
its threads to stderr and dies.
"""

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import pytest
from pace import scaled

DIRECTORY = Path(__file__).with_name("programs")

TIME_LIMIT = 30.0
"""Seconds, where the machine is idle: each limit here is scaled by the machine's pace."""

KINDS = ("native", "foreign", "uvloop")
"""The kinds of loop that programs are run with: `programs/kinds.py`."""

FULL = os.environ.get("SIDELOOP_FULL") == "1"
"""Whether to count as far as is promised, which takes minutes: `make soak` does."""


def count(short: int, *, full: int) -> int:
    """How often to do what has to be done often."""
    return full if FULL else short


def kind_or_skip(kind: str) -> str:
    """The kind, where there is such a loop: scripts/try-wheel runs tests without uvloop."""
    if kind == "uvloop":
        pytest.importorskip("uvloop")
    return kind


@dataclass(frozen=True)
class Ended:
    """A program that ended by itself."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


class Program:
    """A program that runs: `programs/<name>.py`, or one elsewhere, told by `args` what to do."""

    def __init__(
        self, name: str | Path, *args: object, flags: tuple[str, ...] = ("-W", "error")
    ) -> None:
        command = [sys.executable, "-X", "faulthandler", *flags, DIRECTORY / f"{name}.py", *args]
        self._start = time.monotonic()
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # see __exit__
        with sigint_not_ignored():
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                text=True,
                # A group of its own, so that the processes it forks can be found when they hang.
                start_new_session=True,
            )
        self._said: queue.Queue[str | None] = queue.Queue()
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def send(self, number: int) -> None:
        self._child.send_signal(number)

    def wait_for(self, line: str, limit: float = TIME_LIMIT) -> None:
        """Wait until the program says this."""
        said = self._next(time.monotonic() + scaled(limit))
        if said != f"{line}\n":
            raise AssertionError(f"{said!r} instead of {line!r}, then {self.finish(limit)}")

    def finish(self, limit: float = TIME_LIMIT) -> Ended:
        """Wait until the program, and whoever inherited its output, has ended."""
        end = time.monotonic() + scaled(limit)
        said = "".join(iter(lambda: self._next(end), None))
        try:
            code = self._child.wait(max(end - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            self._hangs()
        return Ended(code, said, self._read_stderr(), time.monotonic() - self._start)

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._signal_all(signal.SIGKILL)
        self._child.wait()
        self._listening.join()
        self._stderr.close()
        assert self._child.stdout is not None
        self._child.stdout.close()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._said.put(line)
        self._said.put(None)

    def _next(self, end: float) -> str | None:
        try:
            said = self._said.get(timeout=max(end - time.monotonic(), 0))
        except queue.Empty:
            self._hangs()
        if said is None:
            self._said.put(None)  # It says nothing more, however often it is asked.
        return said

    def _hangs(self) -> NoReturn:
        self._signal_all(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(scaled(5))
        raise AssertionError(f"{self._child.args} hangs:\n{self._read_stderr()}")

    def _read_stderr(self) -> str:
        self._stderr.seek(0)
        return without_slowness(self._stderr.read())

    def _signal_all(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def without_slowness(stderr: str) -> str:
    """Without what asyncio's debug mode says of whatever takes a tenth of a second.

    Machines are busy.
    """
    return re.sub(r"^Executing <.*> took \d+\.\d+ seconds\n", "", stderr, flags=re.MULTILINE)


def run(
    name: str | Path,
    *args: object,
    flags: tuple[str, ...] = ("-W", "error"),
    limit: float = TIME_LIMIT,
) -> Ended:
    """Run a program to its end."""
    with Program(name, *args, flags=flags) as program:
        return program.finish(limit)


@contextlib.contextmanager
def sigint_not_ignored() -> Generator[None]:
    """Undo, for the children, that a test runner started in the background ignores SIGINT."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
