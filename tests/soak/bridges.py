"""The managers and runners of one round, which threads use, close and make anew."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from hooks.bridges import GuestLoop

import sideloop
from sideloop import LoopManager, LoopStoppedError, Runner, RunnerClosedError
from soak.tally import tally

Run = Callable[..., Any]

GRACE = 2.0

LITTLE_GRACE = 0.05


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loops' exception handler: only what is meant to fail unseen may come here."""
    error = context.get("exception")
    about = repr(context.get("task") or context.get("future") or context.get("handle"))
    # A task is lost whose future would not be cancelled. Ours are those of calls that Ctrl-C has
    # left behind, whose loops are closed.
    lost = error is None and "wait_for=<hooks.futures.ForeignFuture" in about
    # asyncio's own, in debug mode: a connection has come in for a server that was closed meanwhile.
    late = type(error) is AssertionError and "for incoming connection" in context["message"]
    late = late and loop.get_debug()
    if lost or late or isinstance(error, (UnseenError, LoopStoppedError, RunnerClosedError)):
        tally.count("failed unseen, reported")
    else:
        tally.is_wrong(f"reported by a loop: {context['message']} {about}", error)


def in_debug_mode() -> asyncio.AbstractEventLoop:
    """A loop of ours that checks what asyncio checks."""
    loop = sideloop.new_event_loop()
    loop.set_debug(True)
    return loop


def with_a_clock_of_its_own() -> asyncio.AbstractEventLoop:
    """A loop of ours whose time is another one, as where a test has patched it."""
    loop = sideloop.new_event_loop()
    loop.time = lambda: time.monotonic() + 1_000_000  # type: ignore[method-assign]
    return loop


class UnseenError(Exception):
    """Raised where nobody waits."""


def factories() -> list[Callable[[], asyncio.AbstractEventLoop] | None]:
    """Our loops in each state, asyncio's, and uvloop's if it is there."""
    found = [None, in_debug_mode, with_a_clock_of_its_own, asyncio.new_event_loop]
    try:
        import uvloop
    except ImportError:
        return found
    return [*found, uvloop.new_event_loop]


class Bridges:
    """Some of each kind."""

    def __init__(self) -> None:
        self.factories = factories()
        self.own = [
            LoopManager(loop_factory=factory, exception_handler=report, grace=GRACE)
            for factory in self.factories
        ]
        self.own.append(LoopManager(drive="caller", exception_handler=report, grace=GRACE))
        self.shared = [
            LoopManager(
                loop_factory=factory, scope="process", exception_handler=report, grace=GRACE
            )
            for factory in self.factories
        ]
        self.hasty = LoopManager(exception_handler=report, grace=LITTLE_GRACE)
        self.guests = [GuestLoop(make) for make in (sideloop.new_event_loop, in_debug_mode)]
        self._replacing = threading.Lock()
        self.runners = [self._make_runner(factory) for factory in self.factories]

    def any_manager(self, dice: random.Random) -> LoopManager:
        return dice.choice([*self.own, *self.shared, sideloop.loop_manager])

    def own_manager(self, dice: random.Random) -> LoopManager:
        """One that gives each thread a loop of its own.

        Who may run inside a call, on a thread that is not a loop's, must not wait for a loop that
        may be waiting for it.
        """
        return dice.choice([*self.own, sideloop.loop_manager])

    def any_run(self, dice: random.Random) -> Run:
        if dice.random() < 0.3:
            return dice.choice(self.runners).run
        return self.any_manager(dice).run_sync

    def close_one(self, dice: random.Random) -> None:
        """Close a manager, or a runner, which is replaced."""
        if dice.random() < 0.5:
            self.any_manager(dice).close()
            return
        number = dice.randrange(len(self.runners))
        made = self._make_runner(self.factories[number])
        with self._replacing:
            old, self.runners[number] = self.runners[number], made
        old.close()

    def close(self) -> None:
        for manager in (*self.own, *self.shared, self.hasty, sideloop.loop_manager):
            manager.close()
        for runner in self.runners:
            runner.close()
        for guest in self.guests:
            guest.close()

    def _make_runner(self, factory: Callable[[], asyncio.AbstractEventLoop] | None) -> Runner:
        return Runner(loop_factory=factory, exception_handler=report, grace=GRACE)
