"""Manages an async event loop on another thread, so that synchronous code can call async functions.

>>> from sideloop import run_sync
>>> async def async_add(a: int, b: int) -> int:
...     return a + b
>>> run_sync(async_add, a=10, b=12)
22
"""

from typing import TYPE_CHECKING

from sideloop import _names
from sideloop._base.errors import (
    DeadlockError,
    LoopStoppedError,
    NestingError,
    RunnerClosedError,
)
from sideloop._base.timeout import timeout
from sideloop._exit.children import install as _watch_children
from sideloop._exit.exit import install as _install
from sideloop._inside.dump import dump
from sideloop._inside.statistics import CallStatistics, RunnerStatistics, Statistics, statistics
from sideloop._loops.event_loop import EventLoop, new_event_loop
from sideloop._manager.api import enter, iterate, loop_manager, run_sync, synced

# As in concurrent.futures: read as sideloop.map. It is not in `__all__`, so that a star import
# leaves the builtin alone.
from sideloop._manager.api import map as map  # noqa: A004
from sideloop._manager.manager import LoopManager
from sideloop._runners.drive import drive
from sideloop._runners.run_on import run_on, submit_on
from sideloop._runners.runner import Runner
from sideloop._views.async_original import AsyncOriginal
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.future import SyncFuture
from sideloop._views.generator import SyncGenerator

if TYPE_CHECKING:
    from sideloop._runners.errand import run_on_caller

__all__ = [
    "AsyncOriginal",
    "CallStatistics",
    "DeadlockError",
    "EventLoop",
    "LoopManager",
    "LoopStoppedError",
    "NestingError",
    "Runner",
    "RunnerClosedError",
    "RunnerStatistics",
    "Statistics",
    "SyncContextManager",
    "SyncFuture",
    "SyncGenerator",
    "drive",
    "dump",
    "enter",
    "iterate",
    "loop_manager",
    "new_event_loop",
    "run_on",
    "run_on_caller",
    "run_sync",
    "statistics",
    "submit_on",
    "synced",
    "timeout",
]

__version__ = "0.1.0"

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Calls say who waits for them once somebody may ask: from the first look-up on."""
        if name != "run_on_caller":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sideloop._runners.errand import run_on_caller
        from sideloop._sideloop import caller_here, use_errands

        use_errands()
        caller_here()  # in a call that runs already, what its task makes knows from here on
        _names.publish([run_on_caller])
        return globals().setdefault(name, run_on_caller)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


_names.publish([*(globals()[name] for name in __all__ if name in globals()), map])
_names.keep_old_ones()
_install()
_watch_children()
