"""Methods of a twin class: `Client.get(client, 1)` runs where the object lives."""

import types
from typing import Any

from sideloop._twins.function import SyncFunction
from sideloop._twins.translate import Translated, kind_of, original_of
from sideloop._twins.view import resident_of


class Unbound(SyncFunction):
    """Called with an object, it is that object's."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if not args or not isinstance(args[0], Translated):
            return super().__call__(*args, **kwargs)
        twin, *rest = args
        # The last base: `unbound_kind` has put it there.
        kind = kind_of(self).__bases__[-1]
        bound = self.__wrapped__.__get__(original_of(twin))
        return kind(resident_of(twin), bound)(*rest, **kwargs)


_kinds: dict[Any, type[SyncFunction]] = {SyncFunction: Unbound}


def unbound_kind(kind: type[SyncFunction]) -> type[SyncFunction]:
    """The class of such methods, by that of the objects'."""
    found = _kinds.get(kind)
    if found is None:
        made: Any = types.new_class(kind.__name__, (Unbound, kind))
        found = _kinds.setdefault(kind, made)
    return found
