"""Translation: between what async code hands out and takes, and the sync views of it."""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

_PLAIN = frozenset((type(None), bool, bytes, bytearray, complex, float, int, str))
_COLLECTIONS: frozenset[Any] = frozenset((frozenset, list, set, tuple))


class Translated:
    """What stands for an object of async code, which gets that in its place."""

    @classmethod
    def of(cls, original: object) -> "Translated":
        """A new one, for an object that is there already."""
        translated: Translated = object.__new__(cls)
        translated.__dict__["_sideloop_original"] = original
        return translated


def original_of(translated: Translated) -> Any:
    """What it stands for."""
    try:
        return translated.__dict__["_sideloop_original"]
    except KeyError:
        kind = type(translated).__qualname__
        raise RuntimeError(
            f"this {kind} has no async original yet: call super().__init__(...) first in "
            f"{kind}.__init__"
        ) from None


def is_plain(value: object) -> bool:
    """Whether there is nothing in it to translate, ever."""
    return type(value) in _PLAIN


def into(value: Any) -> Any:
    """What async code gets of what sync code has passed to it."""
    return value if type(value) in _PLAIN else each(value, _original, ())


def into_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """The same, for the arguments of a call: of most there is nothing to translate."""
    for value in args:
        if type(value) not in _PLAIN:
            args = tuple(map(into, args))
            break
    if kwargs:
        kwargs = {name: into(value) for name, value in kwargs.items()}
    return args, kwargs


def _original(value: Any) -> Any:
    if isinstance(value, Translated):
        return original_of(value)
    if isinstance(value, type):
        origin = vars(value).get("__sideloop__")
        return value if origin is None else origin.original
    return value


def each(value: Any, leaf: Callable[[Any], Any], outer: tuple[int, ...]) -> Any:
    """Translate a value and what is inside of lists, tuples, dicts and sets.

    A container that holds nothing to translate is passed on as it is, not as a copy: whoever has
    passed it may look into it later. `outer` are those that it is inside of: one may hold itself.
    """
    kind = kind_of(value)
    if kind in _PLAIN:
        return value
    make: Callable[[list[Any]], Any]
    if kind in _COLLECTIONS:
        items, make = list(value), kind
    elif kind is dict:
        items, make = list(value.values()), functools.partial(_dict, value)
    elif tuple in kind.__mro__ and hasattr(kind, "_make"):
        items, make = list(value), kind._make
    else:
        return leaf(value)
    if id(value) in outer:
        return value
    outer = (*outer, id(value))
    translated = [each(item, leaf, outer) for item in items]
    return value if all(map(operator.is_, translated, items)) else make(translated)


def _dict(keys: Iterable[Any], values: list[Any]) -> dict[Any, Any]:
    return dict(zip(keys, values, strict=True))


def kind_of(value: object) -> Any:
    """Its class, of which a type checker knows nothing."""
    return type(value)
