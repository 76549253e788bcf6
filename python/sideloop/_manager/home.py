"""The home: a runner, for as long as threads call through it or objects live on it."""

import weakref
from collections.abc import Callable
from typing import Protocol

from sideloop._base.errors import object_closed_error, object_forked_error
from sideloop._loops.loop import Loop, exit_state
from sideloop._runners.runner import Runner, loop_of
from sideloop._sideloop import RunnerCore, generation


class Lender(Protocol):
    """Where runners come from, and go back to."""

    def give_back(self, runner: Runner) -> None:
        """Nobody needs it any more."""


class Home:
    """A lease of one runner.

    Whoever needs the runner holds this: the thread that calls through it, each object that lives
    on it, what views of them call through, a map, a call that nobody waits for. Nobody counts, and
    the order does not matter: the runner goes back when nothing refers to this any more.
    """

    # A signal handler may raise while one is made, and it is collected all the same.
    _lender: "weakref.ref[Lender] | None" = None

    def __init__(self, lender: Lender, runner: Runner) -> None:
        self.runner = runner
        self.loop = loop_of(runner)
        self._generation = generation()
        # What is lent is no reason to keep who lends it.
        self._lender = weakref.ref(lender)

    def serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """The core that takes this call on what lives here."""
        core = self.for_call(async_fn).core
        self.loop.core = core
        return core

    def for_call(self, async_fn: Callable[..., object]) -> Loop:
        """The loop that takes this call on what lives here, which no other one may."""
        if self._generation != generation():
            raise object_forked_error(self.loop.name, async_fn)
        found = self.loop.found
        if self.loop.closed:
            raise object_closed_error(self.loop.name, async_fn, "is closed")
        if exit_state.begun and found is not None and not found.core.accepting:
            raise object_closed_error(
                self.loop.name, async_fn, "was closed when the interpreter began to exit"
            )
        return self.loop.for_call(async_fn)

    def for_submitted(self, async_fn: Callable[..., object]) -> Loop:
        """The loop that takes a call which nobody waits for, started or replaced if need be."""
        return self.loop.for_call(async_fn)

    def __del__(self) -> None:
        lender = None if self._lender is None else self._lender()
        # A fork's child drops what the parent's threads held; it is not there to give.
        if lender is not None and self._generation == generation():
            lender.give_back(self.runner)
