"""What a call costs that waits for I/O: time, CPU time, and whether the loop thread sleeps.

    python benches/io_call.py [--rounds N] [--calls N] [--json FILE]

Each call sends one byte to an echo process and gets one back (`_io_peers.py`): on a loop of ours,
and on those of others in the same manager; by `run_coroutine_threadsafe` on asyncio's own loop; and
on a loop that the caller drives. The CPU time is that of the whole process, without the echo's. A
voluntary context switch of the loop thread is a sleep: without one in a call it has spun while the
other end worked, or the answer was there before it had to wait, as it often is. So whether it
sleeps is asked where the echo takes 0.3 ms. Subjects take turns in a shuffled order
(`_measure.py`). Every answer is checked.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from _command import command, document, finish, print_head, print_left_out
from _figures import HEADINGS, TIMES, columns, count
from _io_peers import BRIDGES, OURS, OURS_LATE, IoPeer, Subject, open_subjects
from _machine import Machine
from _measure import Summary, interleave
from _verdict import within

OF_BRIDGES = within(1)
"""What is asked of our time, and of our CPU time, beside each bridge."""

SWITCHES = 1.0
"""How often our loop thread has to sleep in a call whose answer is late, at least."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one bridge: nanoseconds, and switches a call."""

    time: Summary
    cpu: Summary
    switches: Summary


def switches_of(thread: int) -> int:
    """How often a thread of this process has gone to sleep by itself."""
    status = Path(f"/proc/self/task/{thread}/status").read_text(encoding="ascii")
    found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.MULTILINE)
    if not found:
        raise RuntimeError("this kernel does not count context switches")
    return int(found[1])


def measure(subjects: Mapping[IoPeer, Subject], rounds: int, calls: int) -> dict[IoPeer, Figures]:
    """Time a batch of every subject in every round; CPU time and switches are of a whole batch."""
    cpu: dict[IoPeer, list[list[float]]] = {peer: [] for peer in subjects}
    switches: dict[IoPeer, list[list[float]]] = {peer: [] for peer in subjects}

    def time_batch(peer: IoPeer) -> list[int]:
        subject, clock = subjects[peer], time.perf_counter_ns
        call, loop_thread = subject.call, subject.loop_thread
        for _ in range(max(3, calls // 10)):
            call()
        durations = [0] * calls
        switches_before, cpu_before = switches_of(loop_thread), time.process_time_ns()
        for index in range(calls):
            begin = clock()
            call()
            durations[index] = clock() - begin
        cpu[peer].append([(time.process_time_ns() - cpu_before) / calls])
        switches[peer].append([(switches_of(loop_thread) - switches_before) / calls])
        return durations

    summaries = interleave(subjects, rounds, time_batch)
    return {
        peer: Figures(times, Summary.of(cpu[peer]), Summary.of(switches[peer]))
        for peer, times in summaries.items()
    }


def print_tables(results: Mapping[IoPeer, Figures]) -> None:
    """Print what the calls took."""
    print(f"\ntime (µs a call)\n  {'':34}{HEADINGS}")
    for peer, figures in results.items():
        print(f"  {peer.name:34}{columns(figures.time)}")
    print(f"\nCPU time of the process (µs a call, a figure a round)\n  {'':34}{HEADINGS}")
    for peer, figures in results.items():
        print(f"  {peer.name:34}{columns(figures.cpu)}")
    print(f"\nvoluntary context switches of the loop thread (a call)\n  {'':34}{HEADINGS}")
    for peer, figures in results.items():
        print(f"  {peer.name:34}{columns(figures.switches, '{:.2f}'.format)}")


def print_targets(results: Mapping[IoPeer, Figures]) -> None:
    """Print the targets, and whether they are met."""
    print("\ntargets for sideloop")
    ours = results[OURS]
    for word in ("time", "cpu"):
        for peer in BRIDGES:
            text = f"{'CPU time' if word == 'cpu' else 'time':10}{peer.name:36}{OF_BRIDGES.text:24}"
            if peer not in results:
                print(f"  {text}{'-':>7}  not measured")
                continue
            verdict = OF_BRIDGES.judge(getattr(ours, word), getattr(results[peer], word))
            print(
                f"  {text}{f'{TIMES}{verdict.figure:.2f}':>7}  {verdict.word:9}{verdict.in_rounds}"
            )
    slept = results[OURS_LATE].switches
    word = "met" if slept.median >= SWITCHES else "not met"
    met_in = sum(median >= SWITCHES for median in slept.round_medians)
    text = f"{'sleeps':10}{OURS_LATE.name:36}{f'at least {SWITCHES:g} a call':24}"
    print(f"  {text}{slept.median:>7.2f}  {word:9}in {met_in} of {len(slept.round_medians)} rounds")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what a call costs that waits for I/O.", rounds=40)
    add = parser.add_argument
    add("--calls", type=count, default=200, help="calls a round (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets."""
    options = parse(arguments)
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {options.rounds}, each over all cells in shuffled order, {options.calls} calls a"
        " batch; warm-up before each batch not counted",
    )
    with ExitStack() as stack:
        subjects, left_out = open_subjects(stack)
        print_left_out(left_out)
        results = measure(subjects, options.rounds, options.calls)
    print_tables(results)
    print_targets(results)
    rows = [
        {"peer": peer.name, "version": peer.version}
        | {word: asdict(getattr(figures, word)) for word in ("time", "cpu", "switches")}
        for peer, figures in results.items()
    ]
    finish(options, document(machine, "ns", options.rounds, left_out) | {"results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
