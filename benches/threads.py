"""How many calls a second many caller threads get out of a bridge, all together.

    python benches/threads.py [--threads N ...] [--json FILE]

1, 4, 16 and 64 caller threads call `async_add(a=10, b=12)` back to back for a fixed time, all on
one bridge at once; the figure is what they got done together. Callers are kept for the whole run,
so that a loop that belongs to a thread is made once, before anything is timed. Bridges take turns
in a shuffled order (`_measure.py`). Every answer is checked. With `--work 50` each call does as
much Python work as takes one thread alone 50 microseconds: where CPython has no interpreter lock,
that of several threads goes on at once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import _peers
from _chart import Bar, Sheet, Tone, draw
from _command import add_chart, command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count, times
from _machine import Machine
from _measure import Call, Summary, interleave
from _peers import ANSWER, ANYIO, FLYTEKIT, FSSPEC, SIDELOOP, Peer, Thread, open_peers
from _verdict import Limit

WARM_UP = 5
"""Calls of each caller before a batch, untimed."""

BROKEN_AFTER = 60.0
"""Seconds after which callers that are not all there give up."""

TARGET_THREADS = 64
TARGET = Limit(
    f"at least {TIMES}5 flytekit's calls a second",
    lambda ours, theirs: ours / theirs,
    lambda figure: figure >= 5,
)
"""What is asked of sideloop from so many threads."""


@contextmanager
def _process_scope() -> Iterator[Call]:
    from sideloop import LoopManager

    with closing(LoopManager(scope="process")) as manager:
        yield lambda: manager.run_sync(_peers.async_add, a=10, b=12)


PER_THREAD = replace(SIDELOOP, name="sideloop, a loop a thread")
SHARED = Peer("sideloop, one loop for all", "sideloop", Thread.OTHER, _process_scope)
OURS = (PER_THREAD, SHARED)

PEERS = (*OURS, FLYTEKIT, ANYIO, FSSPEC)


BUSY = """
async def async_add(a, b):
    for _ in range({turns}):
        pass
    return a + b
"""


def busy_add(microseconds: float) -> Callable[[int, int], Coroutine[Any, Any, int]]:
    """Make an `async_add` with work in it: so many turns of a loop, however long they take then."""

    def took(turns: int) -> float:
        begin = time.perf_counter_ns()
        for _ in range(turns):
            pass
        return (time.perf_counter_ns() - begin) / turns

    turns = int(microseconds * 1e3 / min(took(10_000) for _ in range(50)))
    # As a module's own function, and with the number in its code: without the lock threads would
    # else contend for the references to what it has from around it.
    names: dict[str, Callable[[int, int], Coroutine[Any, Any, int]]] = {}
    exec(BUSY.format(turns=turns), names)
    return names["async_add"]


@dataclass(frozen=True)
class Cell:
    """One bridge, called from a number of threads."""

    peer: Peer
    threads: int


@dataclass(frozen=True)
class Turn:
    """What one caller did in one batch; instants in nanoseconds."""

    calls: int
    begin: int
    end: int


def call_for(call: Call, seconds: float, start: threading.Barrier) -> Turn:
    """Call until the time is over. Runs on each caller's thread.

    Raises:
        RuntimeError: A call gave a wrong answer.
        threading.BrokenBarrierError: Another caller failed before the start.
    """
    clock = time.perf_counter_ns
    try:
        for _ in range(WARM_UP):
            call()
        start.wait(BROKEN_AFTER)
        calls, begin = 0, clock()
        over = begin + int(seconds * 1e9)
        end = begin
        while end < over:
            answer = call()
            if answer != ANSWER:
                raise RuntimeError(f"a call returned {answer!r}, not {ANSWER}")
            calls += 1
            end = clock()
    except BaseException:
        start.abort()
        raise
    return Turn(calls, begin, end)


class Callers:
    """A number of threads that are kept, and call at the same time."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"{threads} callers")

    def call(self, call: Call, seconds: float) -> list[Turn]:
        """Let every thread call for some seconds, from a common start. Blocks until they end."""
        # The barrier holds each thread, so that no thread takes two turns.
        start = threading.Barrier(self.threads)
        turns = [self._pool.submit(call_for, call, seconds, start) for _ in range(self.threads)]
        errors = [error for turn in turns if (error := turn.exception()) is not None]
        # Those that only waited for one that failed have the least to say.
        for error in sorted(errors, key=lambda e: isinstance(e, threading.BrokenBarrierError)):
            raise error
        return [turn.result() for turn in turns]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


@dataclass(frozen=True)
class Results:
    """The summaries of all cells.

    Attributes:
        rounds: How many there were.
        peers: What was measured.
        counts: The numbers of threads.
        rates: Calls a second, of all threads together.
        shares: The slowest thread's calls by an even share of them.
    """

    rounds: int
    peers: Sequence[Peer]
    counts: Sequence[int]
    rates: Mapping[Cell, Summary]
    shares: Mapping[Cell, float]

    def ratio(self, peer: Peer, threads: int) -> float | None:
        """Return the peer's rate by flytekit's, or None where flytekit was not measured."""
        if FLYTEKIT not in self.peers:
            return None
        theirs = self.rates[Cell(FLYTEKIT, threads)].median
        return self.rates[Cell(peer, threads)].median / theirs


def measure(
    calls: Mapping[Peer, Call], counts: Sequence[int], rounds: int, seconds: float
) -> Results:
    """Let every number of threads call every bridge, in every round."""
    shares: dict[Cell, list[float]] = {}

    def time_batch(cell: Cell) -> list[float]:
        turns = callers[cell.threads].call(calls[cell.peer], seconds)
        done = sum(turn.calls for turn in turns)
        took = max(turn.end for turn in turns) - min(turn.begin for turn in turns)
        slowest = min(turn.calls for turn in turns)
        shares.setdefault(cell, []).append(slowest * len(turns) / done)
        return [done / took * 1e9]

    with ExitStack() as stack:
        callers = {threads: Callers(threads) for threads in counts}
        for of_count in callers.values():
            stack.callback(of_count.close)
        # Whatever a bridge makes for a thread that calls it first is made here.
        for peer in calls:
            for of_count in callers.values():
                of_count.call(calls[peer], 0.0)
        cells = [Cell(peer, threads) for peer in calls for threads in counts]
        rates = interleave(cells, rounds, time_batch)
    medians = {cell: statistics.median(of_cell) for cell, of_cell in shares.items()}
    return Results(rounds, list(calls), counts, rates, medians)


def rate(calls_a_second: float) -> str:
    """Write a number of calls a second.

    >>> rate(870), rate(4210), rate(312_400)
    ('870/s', '4.2k/s', '312k/s')
    """
    if calls_a_second < 999.5:
        return f"{calls_a_second:.0f}/s"
    thousands = calls_a_second / 1e3
    return f"{thousands:.1f}k/s".replace(".0k", "k") if thousands < 99.95 else f"{thousands:.0f}k/s"


def print_count(results: Results, threads: int) -> None:
    """Print the table of one number of threads."""
    print(f"\n{threads} caller thread{'s' if threads > 1 else ''} (calls a second, all together)")
    header = f"  {'':32}{'version':>11}{HEADINGS}"
    print(f"{header}{'to flytekit':>13}{'slowest caller':>16}")
    for peer in results.peers:
        cell = Cell(peer, threads)
        summary = results.rates[cell]
        line = f"  {peer.name:32}{peer.version:>11}"
        line += columns(summary, "{:,.0f}".format)
        line += f"{times(results.ratio(peer, threads)):>13}{results.shares[cell]:>16.0%}"
        print(line)


def print_target(results: Results) -> None:
    """Print whether the target is met."""
    print(
        "\n  Slowest caller: its calls in percent of an even share; the median of the rounds."
        f"\n\ntarget for sideloop: {TARGET.text} from {TARGET_THREADS} threads"
    )
    if TARGET_THREADS not in results.counts or FLYTEKIT not in results.peers:
        print("  not measured")
        return
    theirs = results.rates[Cell(FLYTEKIT, TARGET_THREADS)]
    for peer in OURS:
        if peer not in results.peers:
            print(f"  {peer.name:32}not measured")
            continue
        verdict = TARGET.judge(results.rates[Cell(peer, TARGET_THREADS)], theirs)
        figure = f"{TIMES}{verdict.figure:.2f}"
        print(f"  {peer.name:32}{figure:8}{verdict.word:9}{verdict.in_rounds}")


def figures(results: Results, machine: Machine, left_out: Mapping[Peer, str]) -> dict[str, object]:
    """Return all figures, in calls a second, for JSON."""
    rows = []
    for cell, summary in results.rates.items():
        row_figures = asdict(summary)
        row_figures["batches"] = row_figures.pop("calls")
        row: dict[str, object] = {"peer": cell.peer.name, "version": cell.peer.version}
        row |= {"threads": cell.threads, "to_flytekit": results.ratio(cell.peer, cell.threads)}
        rows.append(row | row_figures | {"slowest_caller": results.shares[cell]})
    return document(machine, "calls/s", results.rounds, left_out) | {"results": rows}


def draw_chart(results: Results, machine: Machine, directory: Path) -> list[Path]:
    """Draw the rates, one panel a number of threads."""

    def bar(peer: Peer, threads: int) -> Bar:
        summary = results.rates[Cell(peer, threads)]
        return Bar(
            label=peer.name,
            tone=Tone.OURS if peer in OURS else Tone.BRIDGE,
            median=summary.median,
            p10=summary.p10,
            p90=summary.p90,
            ratio="" if peer is FLYTEKIT else times(results.ratio(peer, threads)),
        )

    panels = {
        f"{threads} caller thread{'s' if threads > 1 else ''}": [
            bar(peer, threads) for peer in results.peers
        ]
        for threads in results.counts
    }
    sheet = Sheet(
        "Calls a second of an async function from sync code, all caller threads together",
        {Tone.OURS: "sideloop", Tone.BRIDGE: "other bridges"},
        write=rate,
        room=60,
    )
    caption = f"Median, p10 to p90, and {TIMES} flytekit's median. Logarithmic scale. {machine}."
    return draw(panels, caption, directory / "threads", sheet)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare how many calls a second many threads get out of a bridge.", rounds=15)
    add = parser.add_argument
    add("--ms", type=count, default=200, help="milliseconds of calls a batch (%(default)s)")
    add("--threads", type=count, nargs="+", default=[1, 4, 16, 64], help="how many (%(default)s)")
    add("--work", type=float, default=0.0, help="microseconds of Python work in each call")
    add_chart(parser, [peer.name for peer in PEERS])
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the target, draw the chart."""
    options = parse(arguments)
    peers = [peer for peer in PEERS if options.only is None or peer.name in options.only]
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {options.rounds}, each over all cells in shuffled order, {options.ms} ms a batch"
        + (f"; {options.work:g} µs of Python work in each call" if options.work else ""),
    )
    if options.work:
        _peers.async_add = busy_add(options.work)
    with ExitStack() as stack:
        calls, left_out = open_peers(stack, peers)
        print_left_out(left_out)
        results = measure(calls, options.threads, options.rounds, options.ms / 1e3)
    for threads in options.threads:
        print_count(results, threads)
    print_target(results)
    finish(
        options,
        figures(results, machine, left_out),
        lambda directory: draw_chart(results, machine, directory),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
