"""What a server's answers cost: uvicorn, aiohttp and a bare protocol, each on every loop.

    python benches/io_servers.py [--only NAME] [--rounds N] [--json FILE]

A server is a process (`_served.py`), and so is the client of each piece of work (`_load.py`), which
asks again as soon as it has an answer. The CPU time is the server's process' alone. All of them
stay for the whole run, and in each round each is asked once, in a shuffled order (`_measure.py`).
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from _command import command, document, finish, print_head, print_left_out
from _figures import TIMES
from _loops import ASYNCIO, IO_LOOPS, RLOOP, SIDELOOP, UVLOOP, ZUVLOOP, LoopPeer, open_loops
from _machine import Machine
from _peers import why_left_out
from _served import APPLICATIONS
from _verdict import as_fast
from _wall_and_cpu import Figures, interleave_both, print_both, row_of

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ServerWork:
    """What a server is given to do.

    Attributes:
        name: How it is named on the command line.
        title: How it is named in a table.
        application: What serves.
        connections: How many are open.
        active: How many of them ask.
        n: Requests a batch.
        target: What is asked of our CPU time: so many times as little as uvloop's.
    """

    name: str
    title: str
    application: str
    connections: int
    active: int
    n: int
    target: float


WORKS = (
    ServerWork("uvicorn_16", "uvicorn (httptools), 16 connections", "uvicorn", 16, 16, 1000, 1.2),
    ServerWork("uvicorn_64", "uvicorn (httptools), 64 connections", "uvicorn", 64, 64, 1000, 1.2),
    ServerWork("aiohttp_16", "aiohttp, 16 connections", "aiohttp", 16, 16, 1000, 1.1),
    ServerWork("aiohttp_64", "aiohttp, 64 connections", "aiohttp", 64, 64, 1000, 1.1),
    ServerWork("many", "9,800 connections, 100 of them active", "protocol", 9800, 100, 3000, 1.0),
)


@dataclass(frozen=True)
class Cell:
    """One piece of work on one loop."""

    work: ServerWork
    peer: LoopPeer


@contextmanager
def _python(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """One of the benches' programs, until it is left."""
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / program), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    if not (line := process.stdout.readline()):
        raise RuntimeError(f"{process.args!r} has ended")
    return line


class Subject:
    """A server, and the client of one piece of work."""

    def __init__(self, server: subprocess.Popen[str], client: subprocess.Popen[str]) -> None:
        # The clock of another process' CPU time, as clock_getcpuclockid(3) has it on Linux.
        self._clock, self._client = (~server.pid << 3) | 2, client

    def run(self, requests: int) -> tuple[int, int]:
        """Have so many answered; return the nanoseconds, and those of the server's CPU time."""
        assert self._client.stdin is not None
        before = time.clock_gettime_ns(self._clock)
        self._client.stdin.write(f"{requests}\n")
        self._client.stdin.flush()
        wall = int(_line(self._client))
        return wall, time.clock_gettime_ns(self._clock) - before


def open_subjects(
    stack: ExitStack, works: Sequence[ServerWork]
) -> tuple[dict[Cell, Subject], dict[LoopPeer, str]]:
    """Start every server and client.

    Args:
        stack: Ends them when it is closed.
        works: What they are to do.

    Returns:
        What can be measured, and for each other loop why it cannot.
    """
    with ExitStack() as loops:
        available, left_out = open_loops(loops, IO_LOOPS)
    subjects = {}
    for peer in available:
        servers: dict[str, tuple[subprocess.Popen[str], int]] = {}
        for work in works:
            name = work.application
            if name not in servers:
                server = stack.enter_context(_python("_served.py", peer.name, name))
                servers[name] = server, int(_line(server))
            server, port = servers[name]
            load = _python("_load.py", port, work.connections, work.active)
            client = stack.enter_context(load)
            assert _line(client) == "ready\n"
            subjects[Cell(work, peer)] = Subject(server, client)
    return subjects, left_out


def measure(subjects: Mapping[Cell, Subject], rounds: int) -> dict[Cell, Figures]:
    """Have every server answer a batch in every round."""

    def time_batch(cell: Cell) -> tuple[list[float], float]:
        n, subject = cell.work.n, subjects[cell]
        subject.run(n // 10)
        wall, of_server = subject.run(n)
        return [wall / n], of_server / n

    return interleave_both(subjects, rounds, time_batch)


def print_work(results: Mapping[Cell, Figures], work: ServerWork) -> None:
    """Print the two tables of one piece of work, and its targets."""
    of_work = {cell.peer: figures for cell, figures in results.items() if cell.work is work}
    unit = f"(µs an answer, {work.n:,} a batch)"
    titles = {"cpu": f"CPU time of the server {unit}", "wall": f"time {unit}"}
    print_both(of_work, {word: f"{work.title}: {title}" for word, title in titles.items()})
    for peer in (ASYNCIO, UVLOOP, RLOOP, ZUVLOOP):
        if peer not in of_work:
            continue
        limit = as_fast(work.target if peer is UVLOOP else 1)
        verdict = limit.judge(of_work[SIDELOOP].cpu, of_work[peer].cpu)
        text = f"CPU time  {peer.name:10}{limit.text:26}{f'{TIMES}{verdict.figure:.2f}':>7}"
        print(f"  {text}  {verdict.word:9}{verdict.in_rounds}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what a server's answers cost.", rounds=15)
    names = [work.name for work in WORKS]
    parser.add_argument(
        "--only", action="append", choices=names, help="this one alone; may be repeated"
    )
    return parser.parse_args(arguments)


def servers_missing(works: Sequence[ServerWork]) -> dict[str, str]:
    """Name the servers that cannot be imported, and say why."""
    missing = {}
    for name in {work.application for work in works}:
        distribution, _ = APPLICATIONS[name]
        try:
            importlib.import_module(distribution or "asyncio")
        except ImportError as error:
            missing[name] = why_left_out(error, distribution)
    return missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables and the targets."""
    options = parse(arguments)
    works = [work for work in WORKS if options.only is None or work.name in options.only]
    machine = Machine.here()
    print_head(machine, f"rounds: {options.rounds}, each over all cells in shuffled order")
    missing = servers_missing(works)
    for name, why in missing.items():
        print(f"left out: {name}: {why}")
    works = [work for work in works if work.application not in missing]
    with ExitStack() as stack:
        subjects, left_out = open_subjects(stack, works)
        print_left_out(left_out)
        results = measure(subjects, options.rounds)
    for work in works:
        print_work(results, work)
    rows = [
        {"work": cell.work.name} | row_of(cell.peer, figures) for cell, figures in results.items()
    ]
    finish(options, document(machine, "ns", options.rounds, left_out) | {"results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
