"""Translation: between what async code hands out and takes, and the sync views of it."""

from collections.abc import Callable
from typing import Any

from sideloop._sideloop import translate_call
from sideloop._twins.by_class import kind_of as kind_of
from sideloop._twins.by_class import namespace_of
from sideloop._twins.memory import Memory
from sideloop._twins.shape import shape_of

_PLAIN = frozenset((type(None), bool, bytes, bytearray, complex, float, int, str))
_CONTAINERS: frozenset[type] = frozenset((dict, frozenset, list, set, tuple))


ORIGINAL = "the original of this twin"
"""What a twin has that under. No attribute of a user's can have such a name."""


class Translated:
    """What stands for an object of async code, which gets that in its place."""


own_of: Any = vars(Translated)["__dict__"].__get__
"""The attributes of its own, without a call of Python code for each look."""


def new_twin(
    twin_class: type[Translated],
    memory: Memory | None,
    original: object,
    view: Callable[[Any], Any],
) -> Translated:
    """A new one, for an object that is there already, what is in which `view` shows."""
    twin: Translated
    if memory is None:
        twin = object.__new__(twin_class)
    elif memory.fill is not None:
        twin = memory.base.__new__(twin_class)
    else:
        twin = memory.base.__new__(twin_class, view(memory.read(original)))
    twin.__dict__[ORIGINAL] = original
    return twin


def original_of(translated: Translated) -> Any:
    """What it stands for."""
    try:
        return own_of(translated)[ORIGINAL]
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
    return value if type(value) in _PLAIN else into_call((value,), {})[0][0]


def into_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """The same, for the arguments of a call."""
    return translate_call(args, kwargs, _sort)


def into_alone(value: Any) -> Any:
    """The same, for a value that is not looked into."""
    original = None if is_plain(value) or is_container(value) else _original_of(type(value))
    return value if original is None else original(value)


def is_container(value: object) -> bool:
    """Whether it is a plain list, tuple, dict or set."""
    return type(value) in _CONTAINERS


def _sort(kind: type) -> Any:
    return _original_of(kind) or shape_of(kind)


def _original_of(kind: Any) -> Callable[[Any], Any] | None:
    """What makes the original of an object of this class, if it has one."""
    if issubclass(kind, Translated):
        return original_of
    return _original_class if issubclass(kind, type) else None


def _original_class(kind: type) -> type:
    origin = namespace_of(kind).get("__sideloop__")
    return kind if origin is None else origin.original
