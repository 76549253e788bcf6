"""What all loops of runners have in common, and which there are."""

import asyncio
import weakref
from typing import Protocol

from sideloop._sideloop import RunnerCore


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

cores: dict[int, weakref.ref[RunnerCore]] = {}
"""Every runner core of this process that somebody holds, by its id: for statistics."""

_orphans: list[Loop] = []
"""Inherited through forks. Kept, since collecting a loop closes it, and that reaches the parent."""


class _Exit:
    """The interpreter's exit, as far as loops are concerned."""

    begun = False


exit_state = _Exit()


def forget_inherited() -> None:
    """In a fork's child: none of these loops is ours any more."""
    _orphans.extend(live)
    live.clear()
    cores.clear()
    exit_state.begun = False


def remember(core: RunnerCore) -> None:
    """List a core for as long as somebody holds it."""
    key = id(core)
    cores[key] = weakref.ref(core, lambda _: cores.pop(key, None))
