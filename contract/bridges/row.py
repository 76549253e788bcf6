"""A row: one of sideloop's promises, tried with one bridge, in a process of its own.

It is kept if nothing is raised. Rows of a process that `ends` are told by what it has written when
it has ended.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twins.outcome import expect

from bridges.library import Bridge

Try = Callable[[Bridge], object]

SECONDS = 12.0
"""After this long a bridge is taken for one that hangs: more than a runner's grace."""


@dataclass(frozen=True)
class Row:
    """One row."""

    says: str
    attempt: Try
    ends: bool = False

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.attempt.__name__


ROWS: list[Row] = []


def row(says: str, *, ends: bool = False) -> Callable[[Try], Try]:
    """A row of the table."""

    def add(attempt: Try) -> Try:
        ROWS.append(Row(says, attempt, ends))
        return attempt

    return add


async def answer() -> int:
    """Take a turn of the loop."""
    await asyncio.sleep(0)
    return 22


def raised_by(bridge: Bridge, async_fn: Callable[[], Any]) -> BaseException:
    """What a call raises."""
    try:
        bridge.call(async_fn)
    except BaseException as error:
        return error
    raise AssertionError("it returned")


def works(bridge: Bridge) -> None:
    """The next call does."""
    expect(bridge.call(answer) == 22)


class Late:
    """An async function that takes long, and cleans up when it is cancelled."""

    def __init__(self, cleaned_up: Callable[[], object] = lambda: None) -> None:
        self.begun = threading.Event()
        self.unwound = False

        async def run() -> None:
            try:
                self.begun.set()
                await asyncio.sleep(60)
            finally:
                try:
                    # Where anyio has cancelled a scope, this is cancelled, too.
                    await asyncio.sleep(0.05)
                finally:
                    self.unwound = True
                    cleaned_up()

        # A function: synchronicity takes no bound method.
        self.run = run


class Stubborn:
    """One that does not stop when it is cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Event()

        async def run() -> None:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                self.begun.set()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    continue

        self.run = run
