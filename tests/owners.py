"""Whose map it may be: managers and runners of all kinds."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from sideloop import LoopManager, Runner

GRACE = 0.5


class Owner:
    """A manager or runner, and how it makes one call."""

    def __init__(self, made: Any, *, driven: bool) -> None:
        self.made = made
        self.map = made.map
        self.run: Callable[..., Any] = made.run if isinstance(made, Runner) else made.run_sync
        self.driven = driven


OWNERS: dict[str, Callable[..., Any]] = {
    "manager": functools.partial(LoopManager, grace=GRACE),
    "process": functools.partial(LoopManager, scope="process", grace=GRACE),
    "foreign": functools.partial(
        LoopManager, loop_factory=asyncio.new_event_loop, scope="process", grace=GRACE
    ),
    "debugged": functools.partial(LoopManager, debug=True, grace=GRACE),
    "driven": functools.partial(LoopManager, drive="caller", grace=GRACE),
    "runner": functools.partial(Runner, grace=GRACE),
    "driven runner": functools.partial(Runner, drive="caller", grace=GRACE),
}
