"""The I/O thread of a library, which keeps its one loop in a list: a runner in its place."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sideloop._base.timeout import timeout as limited
from sideloop._runners.options import GRACE
from sideloop._runners.runner import Runner
from sideloop._sideloop import run_as_guest

T = TypeVar("T")

PATIENCE = 30.0
"""For how many seconds a loop may not run, before a call on it is given up."""


class IoThread:
    """A runner, made when it is first needed, or another one that a user has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._runner: Runner | None = None
        self._given: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def use(self, runner: Runner | None) -> None:
        """From here on its loop is that of this runner."""
        if runner is not None:
            self._runner = runner

    def loop(
        self,
        loops: list[asyncio.AbstractEventLoop | None],
        threads: list[threading.Thread | None],
    ) -> asyncio.AbstractEventLoop:
        """The loop that the library has started itself, or the runner's, which may be a new one."""
        found = loops[0]
        if found is not None and found is not self._given and not found.is_closed():
            return found
        if self._runner is None:
            self._runner = Runner(name=self._name)
        # Whoever comes here at the same time writes the same.
        loop = self._runner.loop
        if loop is not self._given:
            self._thread = self._runner.thread
            self._given = loop
        loops[0], threads[0] = loop, self._thread
        return loop


def run_there(
    loop: asyncio.AbstractEventLoop,
    async_fn: Callable[..., Awaitable[T]],
    args: Any,
    kwargs: Any,
    seconds: float | None,
) -> T:
    """Call it on that loop, with a time limit of its own if there is one."""
    if seconds is None:
        return run_as_guest(loop, GRACE, PATIENCE, async_fn, args, kwargs)
    with limited(seconds):
        return run_as_guest(loop, GRACE, PATIENCE, async_fn, args, kwargs)


def runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the calling thread runs it."""
    return asyncio._get_running_loop() is loop
