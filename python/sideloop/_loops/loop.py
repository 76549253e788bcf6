"""What all loops of runners have in common, and which there are."""

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from sideloop._loops.unwind import quieten
from sideloop._sideloop import RunnerCore, forget_weak


class Loop(Protocol):
    """The event loop of a runner, from start to end, whoever runs it: what a runner can own."""

    grace: float
    depth: int
    owner: int | None

    @property
    def core(self) -> RunnerCore:
        """Takes the calls."""
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Asyncio's loop."""
        ...

    @property
    def thread(self) -> threading.Thread:
        """Who runs it. RuntimeError if that thread has ended, and another one cannot."""
        ...

    def start(self) -> None:
        """Let calls enter."""

    def ask_stop(self) -> None:
        """Let no call enter any more. Does not wait."""

    def join(self, seconds: float) -> bool:
        """Wait until it has ended; False if it has not after `seconds`."""
        ...

    def let_go(self) -> None:
        """End it, without waiting: nobody will call any more."""


live: set[Loop] = set()
"""Every loop of a runner of this process that has not ended."""


class _Listed(weakref.ref[RunnerCore]):
    """A core that is listed, and under what."""

    __slots__ = ("key",)

    key: int


cores: dict[int, _Listed] = {}
"""Every runner core of this process that somebody holds, by its id: for statistics."""

_forget = partial(forget_weak, cores)

left_behind: set[Loop] = set()
"""Those that did not end in their grace, and were named: nobody waits for them any more."""

_orphans: list[Loop] = []
"""Inherited through forks. Kept, since collecting a loop closes it, and that reaches the parent."""


class _Exit:
    """The interpreter's exit, as far as loops are concerned."""

    begun = False


exit_state = _Exit()


def forget_inherited() -> None:
    """In a fork's child: none of these loops is ours any more, and nobody runs their tasks.

    Where the child drops one, asyncio would say that it was destroyed. It goes on in the parent.
    """
    inherited = live | left_behind
    _orphans.extend(inherited)
    live.clear()
    left_behind.clear()
    cores.clear()
    exit_state.begun = False
    for one in inherited:
        # What a task factory of the user's has made may be no task that can be told so.
        with contextlib.suppress(Exception):
            for task in asyncio.all_tasks(one.loop):
                quieten(task)


def end_together(
    loops: Sequence[Loop], failed: Callable[[Loop, BaseException], object]
) -> list[Loop]:
    """Ask these loops to end, and wait for all of them at once: for the longest of their graces.

    Returns those that have not ended, to be named. Nobody waits for them again, nor for one that
    was found to be stuck before. What ends on the calling thread may exit, or fail: `failed` is
    told, and the others end all the same. Ctrl-C, and what a signal handler raises who will not
    wait, come out at once, and have the others let go.
    """
    for loop in loops:
        loop.ask_stop()
    # Unwinding takes the grace at most, then the loop has still to be closed.
    graces = [loop.grace for loop in loops if not loop.core.stuck]
    end = time.monotonic() + max(graces, default=-1.0) + 1.0
    left: list[Loop] = []
    for number, loop in enumerate(loops):
        seconds = max(end - time.monotonic(), 0.0)
        # For those that unwind here, one after the other.
        loop.grace = min(loop.grace, seconds)
        try:
            ended = loop.join(seconds)
        except BaseException as error:
            failed_in_closing = isinstance(error, Exception) and loop.loop.is_closed()
            if failed_in_closing or isinstance(error, SystemExit):
                failed(loop, error)
                continue
            for other in loops[number + 1 :]:
                other.let_go()
            raise
        if not ended:
            live.discard(loop)
            left_behind.add(loop)
            if not loop.core.stuck:
                left.append(loop)
    return left


def remember(core: RunnerCore) -> None:
    """List a core for as long as somebody holds it."""
    listed = _Listed(core, _forget)
    listed.key = id(core)
    cores[listed.key] = listed
