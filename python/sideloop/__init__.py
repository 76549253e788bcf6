"""Manages an async event loop on another thread, so that synchronous code can call async functions.

>>> from sideloop import run_sync
>>> async def async_add(a: int, b: int) -> int:
...     return a + b
>>> run_sync(async_add, a=10, b=12)
22
"""

from sideloop import _exit
from sideloop._api import enter, iterate, loop_manager, run_sync, synced
from sideloop._cancel import timeout
from sideloop._dump import dump
from sideloop._enter import SyncContextManager
from sideloop._errors import (
    DeadlockError,
    LoopStoppedError,
    NestingError,
    RunnerClosedError,
)
from sideloop._event_loop import EventLoop, new_event_loop
from sideloop._iterate import SyncGenerator
from sideloop._manager import LoopManager
from sideloop._map import map  # noqa: A004  # as in concurrent.futures: read as sideloop.map
from sideloop._run_on import run_on
from sideloop._runner import Runner
from sideloop._statistics import CallStatistics, RunnerStatistics, Statistics, statistics
from sideloop._twin import AsyncOriginal

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
    "SyncGenerator",
    "dump",
    "enter",
    "iterate",
    "loop_manager",
    "map",
    "new_event_loop",
    "run_on",
    "run_sync",
    "statistics",
    "synced",
    "timeout",
]

__version__ = "0.1.0"

_exit.install()
