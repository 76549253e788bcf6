"""Shapes: how to look into objects that are no plain lists, tuples, dicts or sets.

Their own methods are not called, which may do anything. What is read and written is the memory that
a class has from its built-in base, and the attributes.
"""

import contextlib
import inspect
import types
from abc import ABCMeta
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sideloop._sideloop import Shape, check_number
from sideloop._twins.by_class import ByClass, flags_of, kind_of, mro_of, namespace_of

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, mostly
_ASYNC_METHODS = ("__aenter__", "__aiter__", "__anext__", "__await__")

_known: ByClass[tuple[Shape | None]] = ByClass()


def shape_of(kind: type) -> Shape | None:
    """How to look into the objects of a class; None for not at all.

    Looked into are those of classes derived from the built-in containers, and of dataclasses that
    compare by their fields, as values do: another one with the same fields is as good. Not if the
    class has anything async, which does something with what they hold.
    """
    found = _known.get(kind)
    if found is None:
        found = (_shape(kind),)
        _known.keep(kind, found)
    return found[0]


def _shape(kind: type) -> Shape | None:
    if type(kind) is not type and not issubclass(type(kind), ABCMeta):
        return None  # an enumeration, for example: there is one of each
    mro = mro_of(kind)
    base = next((one for one in _BUILT_IN if one in mro), object)
    made = [one for one in mro if one is not object and one not in _BUILT_IN]
    if not all(flags_of(one) & _HEAP_TYPE for one in made) or any(map(_has_async, made)):
        return None
    if base is object and not _compares_by_fields(made):
        return None
    return _Parts(_BUILT_IN.get(base, _NOTHING), _Attributes(mro)).shape()


def _has_async(kind: type) -> bool:
    members = namespace_of(kind)
    return any(name in members for name in _ASYNC_METHODS) or any(map(_is_async, members.values()))


def _is_async(member: Any) -> bool:
    function, kind = _function(member), kind_of(member)
    return (
        hasattr(kind, "__sideloop_twin__")  # its async function has the object
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    )


def _function(member: Any) -> object:
    if isinstance(member, property):
        return member.fget
    return getattr(member, "__func__", member) if type(member) in _METHODS else member


_METHODS: tuple[Any, ...] = (classmethod, staticmethod)


def _compares_by_fields(made: Iterable[type]) -> bool:
    found = [namespace_of(one).get("__dataclass_params__") for one in made]
    parameters: Any = next((one for one in found if one is not None), None)
    return parameters is not None and parameters.eq is True


class _Attributes:
    """The attributes of a class's objects, wherever they are kept."""

    def __init__(self, mro: tuple[type, ...]) -> None:
        namespaces = [namespace_of(one) for one in mro]
        self._has_dict = any(
            isinstance(one.get("__dict__"), types.GetSetDescriptorType) for one in namespaces[:-1]
        )
        # By place and name: a descriptor would hold the class.
        self._slots = [
            (place, name)
            for place, one in enumerate(namespaces)
            for name, member in one.items()
            if isinstance(member, types.MemberDescriptorType)
            and ("__slots__" in one or name == "default_factory")
        ]

    def read(self, value: Any) -> list[Any]:
        """Where each is, and its value, in turn."""
        found: list[Any] = []
        if self._has_dict:
            for pair in object.__getattribute__(value, "__dict__").copy().items():
                found += pair
        mro = mro_of(type(value))
        for place, name in self._slots:
            with contextlib.suppress(AttributeError):  # if nothing is in it
                found += ((place, name), namespace_of(mro[place])[name].__get__(value))
        return found

    def write(self, made: Any, found: list[Any]) -> None:
        """Give an object these."""
        mro = mro_of(type(made))
        for at, attribute in zip(found[::2], found[1::2], strict=True):
            if isinstance(at, str):
                object.__getattribute__(made, "__dict__")[at] = attribute
            else:
                namespace_of(mro[at[0]])[at[1]].__set__(made, attribute)


class _Memory(NamedTuple):
    """How what a built-in class keeps is read and written."""

    read: Any
    make: Any
    """`make(value)`, or without `fill` `make(value, parts)`."""
    fill: Any


def _sequence(kind: Any) -> _Memory:
    return _Memory(kind.__iter__, _maker(kind), kind.extend)


def _mapping(kind: Any) -> _Memory:
    def read(value: Any) -> list[Any]:
        return [part for pair in kind.items(value) for part in pair]

    def fill(made: Any, parts: list[Any]) -> None:
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            kind.__setitem__(made, key, value)
        check_number(kind.__len__(made), len(parts) // 2)

    return _Memory(read, _maker(kind), fill)


def _set(kind: Any) -> _Memory:
    def fill(made: Any, parts: list[Any]) -> None:
        kind.update(made, parts)
        check_number(kind.__len__(made), len(parts))

    return _Memory(kind.__iter__, _maker(kind), fill)


def _unchangeable(kind: Any) -> _Memory:
    def make(value: Any, parts: list[Any]) -> Any:
        made = kind.__new__(type(value), parts)
        if kind is not tuple:
            check_number(kind.__len__(made), len(parts))
        return made

    return _Memory(kind.__iter__, make, None)


def _deque(kind: Any) -> _Memory:
    def make(value: Any) -> Any:
        made = kind.__new__(type(value))
        kind.__init__(made, (), kind.maxlen.__get__(value))
        return made

    return _Memory(kind.__iter__, make, kind.extend)


def _maker(kind: Any) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        return kind.__new__(type(value))

    return make


def _nothing(_value: Any, _parts: Iterable[Any] = ()) -> tuple[Any, ...]:
    return ()


# Derived ones before their bases.
_BUILT_IN: dict[type, _Memory] = {
    OrderedDict: _mapping(OrderedDict),
    defaultdict: _mapping(defaultdict),
    dict: _mapping(dict),
    deque: _deque(deque),
    list: _sequence(list),
    set: _set(set),
    tuple: _unchangeable(tuple),
    frozenset: _unchangeable(frozenset),
}
_NOTHING = _Memory(_nothing, _maker(object), _nothing)


class _Parts:
    """The parts of a class's objects: first how many are in the built-in base's memory."""

    def __init__(self, memory: _Memory, attributes: _Attributes) -> None:
        self._memory = memory
        self._attributes = attributes

    def shape(self) -> Shape:
        if self._memory.fill is None:
            return Shape(self.read, self.make_of)
        return Shape(self.read, self.make, self.fill)

    def read(self, value: Any) -> list[Any]:
        parts = list(self._memory.read(value))
        return [len(parts), *parts, *self._attributes.read(value)]

    def make(self, value: Any) -> Any:
        made = self._memory.make(value)
        # Its hash may be asked for before it is filled, and these may be all that it needs.
        self._attributes.write(made, self._attributes.read(value))
        return made

    def make_of(self, value: Any, parts: list[Any]) -> Any:
        end = 1 + parts[0]
        made = self._memory.make(value, parts[1:end])
        self._attributes.write(made, parts[end:])
        return made

    def fill(self, made: Any, parts: list[Any]) -> None:
        end = 1 + parts[0]
        self._memory.fill(made, parts[1:end])
        self._attributes.write(made, parts[end:])
