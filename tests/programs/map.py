"""Maps that meet signals, forks and the interpreter's end.

`map.py <what> <whose>`: says "waiting" when the signal may come. Whose map it is, OWNERS says.
"""

import asyncio
import itertools
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from blocking import block_for_ever

import sideloop
from sideloop import LoopManager, Runner

SECONDS = 600.0
NEVER = 0

OWNERS: dict[str, Callable[[], Any]] = {
    "default": lambda: sideloop,
    "manager": lambda: LoopManager(grace=0.5),
    "process": lambda: LoopManager(scope="process", grace=0.5),
    "driven": lambda: LoopManager(drive="caller", grace=0.5),
    "runner": lambda: Runner(grace=0.5),
    "driven_runner": lambda: Runner(drive="caller", grace=0.5),
}


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several threads do not mix


class Waiting:
    """An async function whose tasks wait for ever, and which knows what becomes of them."""

    def __init__(self, loudly_at: int) -> None:
        self.began = 0
        self.unwound = 0
        self._loudly_at = loudly_at

    async def __call__(self, n: int) -> int:
        self.began += 1
        try:
            if self.began == self._loudly_at:
                say("waiting")  # a driven loop may meet the signal already here
            if n:
                await asyncio.sleep(SECONDS)
            return n
        finally:
            await asyncio.sleep(0.05)
            self.unwound += 1


async def double(n: int) -> int:
    return 2 * n


async def tasks_left() -> int:
    return len(asyncio.all_tasks()) - 1


def report(waiting: Waiting) -> None:
    say(f"{waiting.began} began, {waiting.unwound} unwound")
    say(f"{run_sync(tasks_left)} tasks left, {sum(owner.map(double, range(10)))}")


def waits() -> None:
    """Ctrl-C while the caller waits for the first answer."""
    waiting = Waiting(11)
    try:
        next(owner.map(waiting, itertools.count(1), limit=11))
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    report(waiting)


def computes() -> None:
    """Ctrl-C between two answers, in a `with` block."""
    waiting = Waiting(NEVER)
    try:
        with owner.map(waiting, itertools.count(), limit=10) as answers:
            compute(waiting, answers)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    report(waiting)


def drops() -> None:
    """Ctrl-C between two answers, which drops the iterator."""
    waiting = Waiting(NEVER)
    try:
        compute(waiting, owner.map(waiting, itertools.count(), limit=10))
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    while waiting.unwound < 11:  # nothing waits for them
        time.sleep(0.001)
    report(waiting)


def compute(waiting: Waiting, answers: Iterator[int]) -> None:
    for _ in answers:
        while waiting.began < 11:
            time.sleep(0.001)
        say("waiting")
        block_for_ever()


def pulls() -> None:
    """Ctrl-C in the iterator of the items."""
    waiting = Waiting(11)

    def items() -> Iterator[int]:
        yield from range(1, 12)
        block_for_ever()

    try:
        list(owner.map(waiting, items(), limit=11))
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    report(waiting)


def blocks() -> None:
    """Ctrl-C while an item blocks the loop, so that nobody hears of it."""
    blocking = threading.Event()

    gates: list[asyncio.Event] = []

    async def block(n: int) -> int:
        if n == 0:
            gates.extend((asyncio.Event(), asyncio.Event()))
            await gates[0].wait()
        else:
            gates[0].set()
            await gates[1].wait()
            blocking.set()
            time.sleep(SECONDS)
        return n

    async def open_gate() -> None:
        gates[1].set()

    answers = owner.map(block, range(2))
    try:
        with answers:
            next(answers)
            run_sync(open_gate)
            blocking.wait()
            say("waiting")
            next(answers)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(run_sync(double, 21))
    say(sum(owner.map(double, range(10))))
    os._exit(0)  # the blocked thread would be waited for


def ends() -> None:
    """The interpreter ends with a map in flight."""

    pulled = 0

    def items() -> Iterator[int]:
        nonlocal pulled
        while True:
            yield pulled
            pulled += 1

    async def wait(n: int) -> int:
        try:
            # The first one ends when the loop has another three.
            while n or pulled <= 3:
                await asyncio.sleep(0.001)
            return n
        finally:
            await asyncio.sleep(0.01)
            if n:
                say("unwound")

    global kept
    kept = owner.map(wait, items(), limit=3, ordered=False)
    next(kept)
    while run_sync(tasks_left) < 3:
        pass


def forks() -> None:
    """A child has no part in its parent's map."""

    async def answer(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    answers = owner.map(answer, itertools.count(), limit=2)
    next(answers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads
        child = os.fork()
    if child == 0:
        try:
            for _ in range(5):
                next(answers)
        except RuntimeError as error:
            say("begun before a fork" in str(error))
        say(sum(owner.map(answer, range(5))))
        del answers
        os._exit(0)
    os.waitpid(child, 0)
    say([next(answers) for _ in range(20)] == list(range(1, 21)))


if __name__ == "__main__":
    owner = OWNERS[sys.argv[2]]()
    run_sync = owner.run if isinstance(owner, Runner) else owner.run_sync
    globals()[sys.argv[1]]()
