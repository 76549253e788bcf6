"""Memory: what a twin has of its own when its original is a dict, list, str, … itself.

To `isinstance` the twin is one too, and so it is to native code, which reads the memory of such
objects and calls no method: `set(...)`, or the encoder of `json`. So it has what its original has,
with twins in place of objects of async code: for ever where that cannot change, otherwise as it was
after the last call.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from sideloop._twins.by_class import ByClass, kind_of, mro_of


class Memory(NamedTuple):
    """The memory of a built-in class."""

    base: Any
    read: Callable[[Any], Any]
    """What is in it, as a plain object."""
    fill: Callable[[Any, Any], None] | None
    """Put that in place of what is in it; None if it cannot change."""


# Their functions, whose types say nothing of objects of unknown ones.
_dict: Any = dict
_list: Any = list
_set: Any = set
_frozenset: Any = frozenset
_ordered: Any = OrderedDict
_deque: Any = deque
_tuple: Any = tuple
_bytearray: Any = bytearray


def _fill_dict(twin: Any, found: dict[Any, Any]) -> None:
    if list(_dict.keys(twin)) != list(found):
        _dict.clear(twin)
    _dict.update(twin, found)


def _fill_ordered(twin: Any, found: dict[Any, Any]) -> None:
    if list(_ordered.keys(twin)) != list(found):
        _ordered.clear(twin)
    for key, value in found.items():
        _ordered.__setitem__(twin, key, value)


def _fill_list(twin: Any, found: list[Any]) -> None:
    _list.__setitem__(twin, slice(None), found)


def _fill_deque(twin: Any, found: list[Any]) -> None:
    _deque.clear(twin)
    _deque.extend(twin, found)


def _fill_set(twin: Any, found: set[Any]) -> None:
    _set.difference_update(twin, _read_set(twin) - found)
    _set.update(twin, found)


def _fill_bytes(twin: Any, found: bytes) -> None:
    _bytearray.__setitem__(twin, slice(None), found)


def _read_dict(value: Any) -> dict[Any, Any]:
    return dict(_dict.items(value))


def _read_ordered(value: Any) -> dict[Any, Any]:
    return dict(_ordered.items(value))


def _read_set(value: Any) -> set[Any]:
    return set(_set.__iter__(value))


def _read_list(value: Any) -> list[Any]:
    return list(_list.__iter__(value))


def _read_deque(value: Any) -> list[Any]:
    return list(_deque.__iter__(value))


def _read_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(_tuple.__iter__(value))


def _read_frozenset(value: Any) -> frozenset[Any]:
    return frozenset(_frozenset.__iter__(value))


def _read_bytes(value: Any) -> bytes:
    return bytes(memoryview(value))


# Derived ones before their bases.
_MEMORIES = (
    Memory(OrderedDict, _read_ordered, _fill_ordered),
    Memory(defaultdict, _read_dict, _fill_dict),
    Memory(dict, _read_dict, _fill_dict),
    Memory(list, _read_list, _fill_list),
    Memory(deque, _read_deque, _fill_deque),
    Memory(set, _read_set, _fill_set),
    Memory(bytearray, _read_bytes, _fill_bytes),
    Memory(frozenset, _read_frozenset, None),
    Memory(tuple, _read_tuple, None),
    Memory(str, str.__str__, None),
    Memory(bytes, _read_bytes, None),
    Memory(int, int.__int__, None),
    Memory(float, float.__float__, None),
    Memory(complex, complex.__pos__, None),
)

BASES = frozenset(memory.base for memory in _MEMORIES)
"""Built-in classes that twins may be derived from."""

_known: ByClass[tuple[Memory | None]] = ByClass()


def memory_of(twin_class: type) -> Memory | None:
    """The memory of the objects of a class, if they have one."""
    found = _known.get(twin_class)
    if found is None:
        mro = mro_of(twin_class)
        found = (next((memory for memory in _MEMORIES if memory.base in mro), None),)
        _known.keep(twin_class, found)
    return found[0]


def is_value(kind: type) -> bool:
    """Whether the objects of a class have a value that does not change."""
    memory = memory_of(kind)
    return memory is not None and memory.fill is None


def may_be_derived(kind: type) -> bool:
    """Whether a class may be derived from the twin of a class."""
    return not (is_value(kind) or issubclass(kind, Enum))


def keeps_views(twin_class: type) -> bool:
    """Whether there are views of other objects in a memory that cannot change."""
    memory = memory_of(twin_class)
    return memory is not None and memory.base in (frozenset, tuple)


def blank(twin_class: type) -> Any:
    """An object of a class of twins, with nothing in its memory yet."""
    memory = memory_of(twin_class)
    base: Any = object if memory is None else memory.base
    return base.__new__(twin_class)


def remember(twin: Any, original: Any, view: Callable[[Any], Any]) -> None:
    """Have in the memory of a twin what is in its original's now, as `view` shows that."""
    memory = memory_of(kind_of(twin))
    if memory is not None and memory.fill is not None:
        memory.fill(twin, view(memory.read(original)))


def is_inherited(original: type, name: str, static: Any) -> bool:
    """Whether an attribute is a built-in class's own, whose memory the twin has for ever."""
    memory = memory_of(original)
    if memory is None or memory.fill is not None:
        return False
    return static is getattr(memory.base, name, None)


def is_view(original: type, name: str, static: Any) -> bool:
    """Whether a method shows what is in the memory, step by step."""
    memory = memory_of(original)
    if memory is None or memory.fill is None or name not in _VIEWS:
        return False
    return static is getattr(memory.base, name, None)


def may_change(original: type, name: str, static: Any) -> bool:
    """Whether calls of a method may change what is in the memory of an object."""
    memory = memory_of(original)
    if memory is None or memory.fill is None:
        return False
    return name not in _READERS or static is not getattr(memory.base, name, None)


_VIEWS = frozenset(("__iter__", "__reversed__", "items", "keys", "values"))
_READERS = frozenset(
    """
    __and__ __contains__ __eq__ __ge__ __getitem__ __gt__ __le__ __len__ __lt__ __ne__
    __or__ __repr__ __ror__ __sizeof__ __sub__ __xor__ copy count decode difference
    find fromkeys get hex index intersection isdisjoint issubset issuperset
    symmetric_difference union
    """.split()  # noqa: SIM905  # to be read
)
