"""How many calls a second several threads get, with and without the interpreter lock, in one table.

    python benches/scaling.py --python lock=COMMAND --python free=COMMAND [--json FILE]

Each caller thread has a loop of its own where a bridge has such, and calls `async_add(a=10, b=12)`
back to back, as it is and with 50 microseconds of Python work in it. The two interpreters (one
CPython, built with the lock and without) take turns, each in processes of its own, in which bridges
and numbers of threads take turns as in `threads.py`. `loop.run_until_complete`, each thread on an
asyncio loop of its own, is what CPython itself gets out of more threads, and what it loses from one
of them by being built without the lock. Targets are at the end.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import _peers
from _figures import TIMES
from _machine import Machine
from _measure import Call
from _peers import ANYIO, DRIVEN, FLYTEKIT, SIDELOOP, THREADSAFE, Peer, Thread, open_peers
from threads import busy_add, measure

WORK = 50.0
"""Microseconds of Python work in each call, where there is some."""

COUNTS = (1, 2, 4)


@contextmanager
def _own_loops() -> Iterator[Call]:
    local = threading.local()
    loops: list[asyncio.AbstractEventLoop] = []

    def call() -> int:
        loop = getattr(local, "loop", None)
        if loop is None:
            loop = local.loop = asyncio.new_event_loop()
            loops.append(loop)
        answer: int = loop.run_until_complete(_peers.async_add(a=10, b=12))
        return answer

    yield call
    for loop in loops:
        loop.close()


ASYNCIO = Peer("loop.run_until_complete", None, Thread.OWN, _own_loops)

PEERS = (SIDELOOP, DRIVEN, ASYNCIO, FLYTEKIT, THREADSAFE, ANYIO)

Rates = dict[str, dict[str, list[float]]]
"""By the work and the number of threads, by the bridge: calls a second, one for each pass."""


def here(rounds: int, milliseconds: int) -> dict[str, dict[str, float]]:
    """Measure on this interpreter."""
    found: dict[str, dict[str, float]] = {}
    plain = _peers.async_add
    for work in (0.0, WORK):
        _peers.async_add = busy_add(work) if work else plain
        with ExitStack() as stack:
            calls, _ = open_peers(stack, PEERS)
            results = measure(calls, COUNTS, rounds, milliseconds / 1e3)
        for cell, summary in results.rates.items():
            found.setdefault(f"{work:g}/{cell.threads}", {})[cell.peer.name] = summary.median
    return found


def there(command: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Measure on another interpreter."""
    words = [command, __file__, "--here", f"--rounds={options.rounds}", f"--ms={options.ms}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def print_table(rates: Mapping[str, Rates], work: float) -> None:
    """Print what came of one kind of call: a line for each bridge and interpreter."""
    what = f"{work:g} µs of Python work in each call" if work else "no work in the calls"
    print(f"\n{what} (calls a second, all threads together; {TIMES}: by those of one thread)")
    threads = "".join(f"{f'{n} threads':>14}" for n in COUNTS[1:])
    print(f"  {'':32}{'':8}{'1 thread':>12}{threads}{'2 by 1':>10}{'4 by 1':>10}")
    for peer in PEERS:
        for name, of_one in rates.items():
            found = {n: of_one[f"{work:g}/{n}"].get(peer.name) for n in COUNTS}
            medians = {
                n: statistics.median(all_of_it) for n, all_of_it in found.items() if all_of_it
            }
            if len(medians) < len(COUNTS):
                print(f"  {peer.name:32}{name:8}{'not there':>12}")
                continue
            line = f"  {peer.name:32}{name:8}{medians[1]:>12,.0f}"
            line += "".join(f"{medians[n]:>14,.0f}" for n in COUNTS[1:])
            print(line + "".join(f"{TIMES}{medians[n] / medians[1]:>8.2f} " for n in COUNTS[1:]))


def print_targets(rates: Mapping[str, Rates]) -> None:
    """Print whether the targets are met, by the median of the passes."""
    locked, *_, free = rates

    def of(name: str, work: float, count: int, peer: Peer) -> float:
        return statistics.median(rates[name][f"{work:g}/{count}"][peer.name])

    print("\ntargets for sideloop, without the lock")
    for work, target in ((WORK, 1.8), (0.0, 1.5)):
        for peer in (SIDELOOP, DRIVEN, ASYNCIO):
            figure = of(free, work, 2, peer) / of(free, work, 1, peer)
            word = "met" if figure >= target else "missed"
            if peer is ASYNCIO:
                word = "(CPython itself)"
            print(
                f"  2 threads at least {TIMES}{target} one, {work:>2g} µs work: "
                f"{peer.name:28}{TIMES}{figure:.2f}  {word}"
            )
    for peer in (SIDELOOP, DRIVEN):
        ours = of(locked, 0.0, 1, peer) / of(free, 0.0, 1, peer)
        its = of(locked, 0.0, 1, ASYNCIO) / of(free, 0.0, 1, ASYNCIO)
        word = "met" if ours / its <= 1.25 else "missed"
        print(
            f"  one thread at most {TIMES}1.25 slower than with it, beyond CPython: {peer.name:28}"
            f"{TIMES}{ours:.2f}, CPython itself {TIMES}{its:.2f}: {TIMES}{ours / its:.2f}  {word}"
        )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare what more threads bring, with the lock and without."
    )
    add = parser.add_argument
    add(
        "--python",
        action="append",
        metavar="NAME=COMMAND",
        help="an interpreter: first that with the lock",
    )
    add("--passes", type=int, default=3, help="how often each is started (%(default)s)")
    add("--rounds", type=int, default=3, help="rounds over all cells in each pass (%(default)s)")
    add("--ms", type=int, default=150, help="milliseconds of calls a batch (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    add("--here", action="store_true", help="measure on this interpreter alone, and print JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and the targets."""
    options = parse(arguments)
    if options.here:
        print(json.dumps(here(options.rounds, options.ms)))
        return 0
    pythons = dict(one.split("=", 1) for one in options.python)
    print(f"{Machine.here()}\nload average before: {os.getloadavg()[0]:.2f}")
    print(f"passes: {options.passes}, of {options.rounds} rounds of {options.ms} ms a batch")
    rates: dict[str, Rates] = {name: {} for name in pythons}
    for _ in range(options.passes):
        for name, command in pythons.items():
            for cell, of_cell in there(command, options).items():
                for peer, rate in of_cell.items():
                    rates[name].setdefault(cell, {}).setdefault(peer, []).append(rate)
    for work in (0.0, WORK):
        print_table(rates, work)
    print_targets(rates)
    if options.json:
        options.json.write_text(json.dumps(rates, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
