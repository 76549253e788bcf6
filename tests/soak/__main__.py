"""Runs rounds of random hazards until the time is over, and says what came of it.

A round makes managers and runners, has threads use and harm them, closes everything, and measures
what is left. Fails on a hang (with all stacks), on a wrong answer, and on growth over the rounds.
"""

import argparse
import asyncio
import faulthandler
import gc
import logging
import random
import sys
import threading
import time
import warnings

from soak import resources
from soak.acts import act
from soak.bridges import Bridges
from soak.resources import Resources
from soak.signals import signals
from soak.tally import tally
from soak.watch import Watch

THREADS = 6

WARM_UP = 2
"""Rounds after which everything that is kept is there."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFFFF)
    options = parser.parse_args()
    faulthandler.enable()
    # Of loops that Ctrl-C has left made by half. A debug build would show them, and keep what it
    # imports and reads for that, which looks like growth.
    warnings.simplefilter("ignore", ResourceWarning)
    _listen_for_noise()
    print(f"seed {options.seed}, CPython {sys.version.split()[0]}", flush=True)
    end = time.monotonic() + options.seconds
    length = min(10.0, options.seconds / (WARM_UP + 2))
    watch = Watch()
    measured: list[Resources] = []
    while time.monotonic() < end:
        rounds = len(measured)
        one_round(f"{options.seed}/{rounds}", min(time.monotonic() + length, end), watch)
        tally.total()  # which forgets the counters of threads that have ended
        measured.append(resources.measure())
        print(f"round {rounds}: {measured[-1]}", flush=True)
        if tally.wrong:
            break
    watch.end()
    return verdict(measured)


def one_round(seed: str, end: float, watch: Watch) -> None:
    before = resources.count_threads()
    bridges = Bridges()

    def work(name: str) -> None:
        dice = random.Random(f"{seed}/{name}")
        while time.monotonic() < end and not tally.wrong:
            watch.alive(name)
            act(bridges, dice)
        watch.done(name)

    workers = [
        threading.Thread(target=work, args=(f"worker {number}",), name=f"worker {number}")
        for number in range(THREADS)
    ]
    for worker in workers:
        worker.start()
    with signals(bridges, random.Random(f"{seed}/signals")):
        work("main")
    watch.alive("end of round")
    for worker in workers:
        worker.join()
    for _ in range(2):  # there are finalizers that call
        gc.collect()
        bridges.close()
    resources.settle(before)
    watch.done("end of round")


def verdict(measured: list[Resources]) -> int:
    for what, number in sorted(tally.total().items()):
        print(f"{number:>10} {what}")
    settled = measured[WARM_UP - 1 :]
    growth = resources.growth_over(settled) if len(settled) > 1 else {}
    print(f"{len(measured)} rounds, 0 hangs, {len(tally.wrong)} wrong, growth: {growth or 'none'}")
    for what in tally.wrong:
        print(f"WRONG: {what}", file=sys.stderr)
    return 1 if tally.wrong or growth else 0


def _listen_for_noise() -> None:
    """What nobody catches is wrong; the warnings of what was left behind are counted."""

    class Count(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tally.count(f"warnings: {record.name}")

    def uncaught(arguments: threading.ExceptHookArgs) -> None:
        tally.is_wrong("uncaught in a thread", arguments.exc_value)

    def unraisable(arguments: "sys.UnraisableHookArgs") -> None:
        if arguments.object is asyncio.BaseEventLoop.__del__:
            # asyncio's own, interrupted while it was made: it cannot close what it has by half.
            tally.count("loops made by half")
            return
        tally.is_wrong(f"unraisable: {arguments.object!r}", arguments.exc_value)

    logging.getLogger().addHandler(Count())
    threading.excepthook = uncaught
    sys.unraisablehook = unraisable


if __name__ == "__main__":
    sys.exit(main())
