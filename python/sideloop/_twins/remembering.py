"""Methods that change or show what is in a dict, list, … that has a twin."""

import types
from typing import Any

from sideloop._twins.function import SyncFunction
from sideloop._twins.memory import remember
from sideloop._twins.translate import original_of
from sideloop._twins.view import resident_of


class Remembering(SyncFunction):
    """Has the twin remember what is in its original after the call."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        finally:
            inside = getattr(self.__sideloop_async_fn__, "__self__", None)
            translator = self.__sideloop_translator__
            twin = translator.known.found_twin(inside)
            if twin is not None:
                remember(twin, inside, translator.out)


class ViewOfMemory:
    """A method that shows what is in an object step by step, from the memory of its twin."""

    def __init__(self, built_in: Any) -> None:
        self._built_in = built_in

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is None:
            return self._built_in
        remember(twin, original_of(twin), resident_of(twin).out)
        return self._built_in.__get__(twin)


_kinds: dict[type[SyncFunction], Any] = {}


def remembering(kind: type[SyncFunction]) -> type[SyncFunction]:
    """The class of such methods, by that of others."""
    found = _kinds.get(kind)
    if found is None:
        bases = (Remembering,) if kind is SyncFunction else (Remembering, kind)
        found = _kinds.setdefault(kind, types.new_class(kind.__name__, bases))
    made: type[SyncFunction] = found
    return made
