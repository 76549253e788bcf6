"""The names under which public things are known: `sideloop.Runner`, in whichever room that is."""

import sys
from collections.abc import Iterable
from importlib import import_module
from types import FunctionType, ModuleType

from sideloop import _manager, _map
from sideloop._manager import api, manager

_MOVED = {
    "sideloop._cancel": "sideloop._base.timeout",
    "sideloop._dump": "sideloop._inside.dump",
    "sideloop._event_loop": "sideloop._loops.event_loop",
    "sideloop._function": "sideloop._twins.function",
    "sideloop._run_on": "sideloop._runners.run_on",
    "sideloop._runner": "sideloop._runners.runner",
    "sideloop._statistics": "sideloop._inside.statistics",
    "sideloop._twin": "sideloop._twins.twin",
}


class Moved(ModuleType):
    """A module by its old name, which loads what it has become when something is looked up."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(old)
        self._new = new

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # looked up in every module there is, by inspect for example
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(import_module(self._new), name)


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
    for old, new in _MOVED.items():
        sys.modules[old] = Moved(old, new)
    # These two are rooms now.
    for room, held in ((_manager, manager.LoopManager), (_map, api.map)):
        setattr(room, held.__name__, held)
