"""Runs a Python program in a process of its own, and sees all that the shell sees.

A program that hangs is a failure that shows where: each of its processes writes the stacks of all
its threads to stderr and dies.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

DIRECTORY = Path(__file__).with_name("programs")

TIME_LIMIT = 30.0


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
    """A program that runs: `programs/<name>.py`, told by `args` what to do."""

    def __init__(self, name: str, *args: object, flags: tuple[str, ...] = ("-W", "error")) -> None:
        command = [sys.executable, "-X", "faulthandler", *flags, DIRECTORY / f"{name}.py"]
        self._start = time.monotonic()
        with _sigint_not_ignored():
            self._child = subprocess.Popen(
                [*map(str, command), *map(str, args)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # A group of its own, so that the processes it forks can be found when they hang.
                start_new_session=True,
            )

    def send(self, number: int) -> None:
        self._child.send_signal(number)

    def wait_for(self, line: str) -> None:
        """Wait until the program says this."""
        assert self._child.stdout is not None
        with self._killed_after(TIME_LIMIT):
            said = self._child.stdout.readline()
        if said.rstrip("\n") != line:
            ended = self.finish()
            raise AssertionError(f"{said!r} instead of {line!r}: {ended}")

    def finish(self, limit: float = TIME_LIMIT) -> Ended:
        """Wait until the program, and whoever inherited its output, has ended."""
        try:
            stdout, stderr = self._child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            stdout, stderr = self._show_stacks_and_die()
            raise AssertionError(
                f"{self._child.args} hangs\nstdout: {stdout}\nstderr: {stderr}"
            ) from None
        return Ended(self._child.returncode, stdout, stderr, time.monotonic() - self._start)

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._signal_all(signal.SIGKILL)
        self._child.communicate()

    def _show_stacks_and_die(self) -> tuple[str, str]:
        self._signal_all(signal.SIGABRT)
        try:
            return self._child.communicate(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._signal_all(signal.SIGKILL)
            return self._child.communicate()

    def _signal_all(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)

    @contextlib.contextmanager
    def _killed_after(self, seconds: float) -> Generator[None]:
        alarm = threading.Timer(seconds, self._signal_all, [signal.SIGABRT])
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
            alarm.join()


def run(name: str, *args: object, flags: tuple[str, ...] = ("-W", "error")) -> Ended:
    """Run a program to its end."""
    with Program(name, *args, flags=flags) as program:
        return program.finish()


@contextlib.contextmanager
def _sigint_not_ignored() -> Generator[None]:
    """Undo, for the children, that a test runner started in the background ignores SIGINT."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
