"""The loop that serves one map: the one that serves its first call, for all of them."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from sideloop._base.errors import RunnerClosedError, deadlock_error, is_raised_by_us
from sideloop._loops.loop import Loop
from sideloop._sideloop import Limit, Router, RunnerCore, check_time

Step = Callable[[], Coroutine[Any, Any, None]]

Find = Callable[[Callable[..., object]], tuple[object, Loop]]
"""Finds the loop that serves the calling thread, and what keeps it open while that is held."""


class MapLoop:
    """Makes the calls of one map, all on one loop, in the name of the user's function."""

    def __init__(self, find: Find, name: str) -> None:
        self.name = name
        self.check_time = functools.partial(check_time, _named(_nothing, name))
        """Raises TimeoutError if a time limit in force is over."""
        self._served = _Served(find, name)
        self._router = Router(self._served, self._served.serve)

    def run(self, step: Step) -> None:
        """Run a step of the map on the loop, and wait for it."""
        self._router.run(_named(step, self.name), (), {})

    def run_within_grace(self, step: Step) -> bool:
        """Run a step that has the grace in all, whatever time limit is in force.

        Returns whether it has ended by then, or its loop has, where all unwinds.

        Raises:
            BaseException: What a signal handler raises meanwhile, whatever it is.
        """
        grace = self.grace or 0.0
        try:
            with Limit.alone(grace, grace / 5):
                self.run(step)
        except (RunnerClosedError, TimeoutError) as error:
            if not is_raised_by_us(error):
                raise
            return isinstance(error, RunnerClosedError)
        return True

    @property
    def core(self) -> RunnerCore:
        """Serves the map. There since the first `run`."""
        return self._served.core

    @property
    def grace(self) -> float | None:
        """How many seconds what is cancelled there gets to unwind. There since the first `run`."""
        loop = self._served.loop
        return None if loop is None else loop.grace

    def check(self) -> None:
        """Raise if the loop serves this map no more."""
        if not self.core.accepting:
            raise self._served.ended()


class _Served:
    """What the router asks: it keeps the loop that served first, and takes no other."""

    core: RunnerCore

    def __init__(self, find: Find, name: str) -> None:
        self.loop: Loop | None = None
        self._keeps: object = None
        self._find = find
        self._name = name

    def serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """Find the core, once."""
        if hasattr(self, "core"):
            raise self.ended()
        self._keeps, self.loop = self._find(async_fn)
        self.core = self.loop.core
        return self.core

    def ended(self) -> RuntimeError:
        """Why the loop takes no more calls of this map."""
        if self.core.orphaned:
            return RuntimeError(
                f"the map of {self._name} was begun before a fork, on a loop of the parent "
                f"process; begin a new one in the child"
            )
        if self.core.driving and self.core.accepting:
            return deadlock_error(f"runner {self.core.name!r}", self._name)
        return self.core.cut_off_error(self._name)


async def _nothing() -> None:
    pass


def _named(step: Step, name: str) -> Step:
    """A step that bears the name of the user's function, in messages.

    No function of Python's: a signal handler that raised in it would lose the coroutine.
    """
    named = functools.partial(step)
    # The module is in the name.
    vars(named).update(__qualname__=name.removesuffix("()"), __module__=None)
    return named
