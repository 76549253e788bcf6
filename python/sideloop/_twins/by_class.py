"""What is known of classes, for as long as these are there."""

import types
import weakref
from typing import Any, Generic, TypeVar

V = TypeVar("V")


def kind_of(value: object) -> Any:
    """Its class, of which a type checker knows nothing."""
    return type(value)


mro_of: Any = vars(type)["__mro__"].__get__
"""The classes that a class is derived from, itself first, whatever its metaclass says."""

namespace_of: Any = vars(type)["__dict__"].__get__
"""What a class itself has."""

flags_of: Any = vars(type)["__flags__"].__get__

_NATIVE = (types.MethodDescriptorType, types.WrapperDescriptorType)


def is_native(kind: type) -> bool:
    """Whether a class is one of native code, and not made by a class statement.

    From version to version more of those are heap types, so that their flags do not tell.
    """
    own: Any = namespace_of(kind).values()
    return any(isinstance(one, _NATIVE) and one.__objclass__ is kind for one in own)


class ByClass(Generic[V]):
    """A dictionary of classes, which are told apart by identity: a metaclass may compare oddly.

    What is kept must not hold its class.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[type], V]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, kind: type) -> V | None:
        """What is kept of a class, if anything is."""
        found = self._kept.get(id(kind))
        return None if found is None else found[1]

    def keep_first(self, kind: type, value: V) -> V:
        """Keep this, unless something is kept. Returns what is."""
        return self._kept.setdefault(id(kind), self._entry(kind, value))[1]

    def keep(self, kind: type, value: V) -> None:
        """Keep this, in place of what was kept."""
        self._kept[id(kind)] = self._entry(kind, value)

    def _entry(self, kind: type, value: V) -> tuple[weakref.ref[type], V]:
        kept, key = self._kept, id(kind)

        def forget(gone: weakref.ref[type]) -> None:
            if (now := kept.get(key)) is not None and now[0] is gone:
                del kept[key]

        return weakref.ref(kind, forget), value
