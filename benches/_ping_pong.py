"""The ping-pong: what two threads that wake one another cost without Python, as a floor."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _measure import PAUSE, Placement, Spacing

ROOT = Path(__file__).resolve().parent.parent

FUTEX, EVENTFD = "futex", "eventfd"


@dataclass(frozen=True)
class PingPong:
    """The program of `benches/ping_pong`, which times a batch whenever it is asked to."""

    process: subprocess.Popen[str]

    def time(
        self,
        primitive: str,
        placement: Placement,
        spacing: Spacing,
        *,
        fresh: bool,
        most_calls: int,
        seconds: float,
    ) -> list[int]:
        """Return the nanoseconds of a batch of round trips.

        Args:
            primitive: What the threads sleep on.
            placement: Which CPUs they may use.
            spacing: How one round trip follows another.
            fresh: Whether the thread that asks is a new one.
            most_calls: How many, at most.
            seconds: For how long, at most.

        Raises:
            RuntimeError: The program has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        pause = round(PAUSE * 1e6) if spacing is Spacing.SPACED else 0
        caller = "fresh" if fresh else "kept"
        request = f"{primitive} {placement.name.lower()} {caller}"
        request += f" {pause} {most_calls} {round(seconds * 1e3)}"
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(
                f"the ping-pong has ended at {request!r}; it says why on standard error"
            )
        return [int(word) for word in answer.split()]


@contextmanager
def ping_pong() -> Iterator[PingPong]:
    """Build the program and keep it running. Blocks until it is built.

    Raises:
        FileNotFoundError: There is no Rust toolchain.
    """
    # cargo turns into what it has built, so that this is the program's own standard input.
    process = subprocess.Popen(
        ["cargo", "run", "--quiet", "--release", "--package", "sideloop-ping-pong"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        program = PingPong(process)
        for primitive in (FUTEX, EVENTFD):
            program.time(
                primitive,
                Placement.UNPINNED,
                Spacing.HOT,
                fresh=False,
                most_calls=1,
                seconds=1,
            )
        yield program
    finally:
        # The end of its input is the end of it.
        process.communicate()
