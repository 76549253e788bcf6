"""Loops like that of a runner, for the workers of an executor."""

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

from sideloop._loops.loop import Loop
from sideloop._runners.runner_loop import RunnerLoop
from sideloop._runners.sent import Sent


class Alike(Sent):
    """A loop with a runner's options for each thread that asks, closed when that has ended.

    The runner's own serves its callers meanwhile; it may be in another process, or driven by one of
    them. Collected, it lets go of those of all threads: where there is no interpreter lock, what a
    thread has made may else stay until it runs again.
    """

    def __init__(self, make: Callable[[], RunnerLoop]) -> None:
        self._make = make
        self._local = threading.local()
        self._made: list[weakref.ref[RunnerLoop]] = []

    def find(self, async_fn: Callable[..., object]) -> tuple[RunnerLoop, Loop]:
        """The loop of the calling thread."""
        loop: RunnerLoop | None = getattr(self._local, "loop", None)
        if loop is None:
            loop = self._local.loop = self._make()
            self._made.append(weakref.ref(loop))
        return loop.find(async_fn)

    def __del__(self) -> None:
        # It may be half made.
        for one in getattr(self, "_made", ()):
            if (loop := one()) is not None:
                loop.let_go()

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduced(functools.partial(Alike, self._make))
