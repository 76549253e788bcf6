"""Behind: the originals' own attributes, behind what sync users have put in front of them.

A sync user's subclass of a twin has an original of its own: a hidden subclass of the twin's
original, in which each override is async code that runs the user's. So what the user's `super()`
finds, which is the twin's, has to look past these.
"""

from typing import Any

from sideloop._twins.static import static_of
from sideloop._twins.translate import kind_of

OWNER = "__sideloop_owner__"
"""The attribute of a hidden original that holds the class of the sync user's."""


class OverrideProperty(property):
    """A property of a hidden original, which asks the user's."""


def is_override(static: Any) -> bool:
    """Whether an attribute in a class's namespace runs a sync user's."""
    function = getattr(static, "__func__", static)
    return isinstance(function, OverrideProperty) or hasattr(function, "__sideloop_override__")


def is_hidden(kind: type) -> bool:
    """Whether a class is the hidden original of a sync user's class."""
    return OWNER in kind.__dict__


def static_behind(kind: type, original: type, name: str) -> Any:
    """An attribute as a namespace holds it, as the twin of `original` shows it."""
    if not is_override(found := static_of(kind, name)):
        return found
    mro = kind.__mro__
    rest = mro[mro.index(original) :] if original in mro else original.__mro__
    return next((base.__dict__[name] for base in rest if name in base.__dict__), None)


def found_behind(inside: Any, original: type, name: str) -> Any:
    """An attribute of an object or class of async code, as the twin of `original` shows it.

    The twin is asked for what the user has overridden only by `super()`.
    """
    is_class = isinstance(inside, type)
    kind = inside if is_class else kind_of(inside)
    if OWNER not in kind.__dict__ or not is_override(static_of(kind, name)):
        return getattr(inside, name)
    if not is_class and name in getattr(inside, "__dict__", ()):
        return getattr(inside, name)  # what was set on the object
    return getattr(super_of(kind, original, inside), name)


def special_behind(inside: Any, name: str) -> Any:
    """A special method of an object of async code, which is looked up on its class."""
    kind = kind_of(inside)
    first = next(base for base in kind.__mro__ if not is_hidden(base))
    if first is kind:
        return getattr(kind, name).__get__(inside, kind)
    return getattr(super_of(kind, first, inside), name)


def super_of(kind: Any, first: Any, inside: Any) -> Any:
    """What `super()` is in the class before `first`: it finds that one's, and those behind it."""
    before: Any = kind.__mro__[kind.__mro__.index(first) - 1]
    return super(before, inside)  # pyright: ignore[reportUnknownVariableType]
