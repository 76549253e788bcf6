"""The names under which public things are known: `sideloop.Runner`, in whichever room that is."""

import sys
from collections.abc import Iterable
from types import FunctionType

from sideloop import _manager, _map
from sideloop._base import timeout
from sideloop._inside import dump, statistics
from sideloop._loops import event_loop
from sideloop._manager import api, manager
from sideloop._runners import run_on, runner
from sideloop._twins import function, twin


def publish(public: Iterable[object]) -> None:
    """Have them say that they are where users find them: messages and pickles name them so."""
    for one in public:
        parts = (one, *vars(one).values()) if isinstance(one, type) else (one,)
        for part in [getattr(part, "__func__", part) for part in parts]:
            if isinstance(part, type | FunctionType):
                part.__module__ = "sideloop"


def keep_old_ones() -> None:
    """Have them found where a version without rooms had them.

    Pickles of managers and twins live long, in queues and caches, and name classes and functions
    by the module that held them when they were made.
    """
    sys.modules.update(
        {
            "sideloop._cancel": timeout,
            "sideloop._dump": dump,
            "sideloop._event_loop": event_loop,
            "sideloop._function": function,
            "sideloop._run_on": run_on,
            "sideloop._runner": runner,
            "sideloop._statistics": statistics,
            "sideloop._twin": twin,
        }
    )
    # These two are rooms now.
    for room, held in ((_manager, manager.LoopManager), (_map, api.map)):
        setattr(room, held.__name__, held)
