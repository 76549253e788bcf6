"""The original of a sync user's class: a hidden subclass of what its twins stand for.

```text
   AsyncBot  ◀── stands for ──  Bot
      ▲                          ▲
      │                          │ the user's
   hidden    ◀── stands for ──  Mine
```

An object of the user's class stands for one of the hidden class, which async code takes for one of
its own: what the user has overridden is async there.
"""

import types
from abc import ABCMeta
from collections.abc import Iterator
from typing import Any

from sideloop._twins.attribute import Attribute
from sideloop._twins.behind import OWNER
from sideloop._twins.birth import hidden_constructor
from sideloop._twins.override import is_value, override
from sideloop._twins.static import ASYNCHRONOUS, LEFT_OUT, is_special, static_of
from sideloop._twins.translate import Translated, into, kind_of

KWARGS = "__sideloop_kwargs__"
"""What is left of the keyword arguments of a user's class when its twins hear of it."""


def hidden_original(owner: Any) -> type:
    """The hidden class for a user's."""
    bases: Any = tuple(dict.fromkeys(originals_of(owner)))
    kwargs: dict[str, Any] = owner.__dict__.get(KWARGS, {})
    namespace: dict[str, Any] = {
        "__module__": owner.__module__,
        "__qualname__": f"{owner.__qualname__}.aio",
        "__doc__": owner.__doc__,
        "__init__": hidden_constructor(owner),
        OWNER: owner,
    }
    # A base may make fields of what is annotated. From CPython 3.14 on they are evaluated late.
    for name in ("__annotations__", "__annotate_func__"):
        if name in owner.__dict__:
            namespace[name] = owner.__dict__[name]
    for name, static in _users_attributes(owner):
        namespace.update(_attribute(owner, bases, name, static))
    try:
        return types.new_class(owner.__name__, bases, kwargs, lambda own: own.update(namespace))
    except TypeError as error:
        metas = [kind_of(base) for base in bases if kind_of(base) not in (type, ABCMeta)]
        if not metas or kind_of(error) is not TypeError:
            raise  # what somebody's __init_subclass__ says, for example
        raise TypeError(
            f"{owner.__qualname__} cannot be derived from {owner.__bases__[0].__qualname__}, the "
            f"twin of {bases[0].__qualname__}, of which {metas[0].__qualname__} makes no derived "
            f"class ({error}): keep an object of it in an attribute instead"
        ) from error


def originals_of(owner: Any) -> Iterator[type]:
    """What the bases of a user's class stand for."""
    for base in owner.__bases__:
        if (origin := getattr(base, "__sideloop__", None)) is not None:
            yield origin.original


def _users_attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """What the user's class and its plain bases have in front of the twins."""
    seen: set[str] = set()
    others = {base for original in originals_of(owner) for base in original.__mro__}
    for base in owner.__mro__:
        is_users = base is owner or not (
            base in others or issubclass(base, Translated) or base.__module__ in ("typing", "abc")
        )
        for name, static in list(base.__dict__.items()):
            if name in seen:
                continue
            seen.add(name)
            if is_users and name not in LEFT_OUT:
                yield name, static


def _attribute(owner: Any, bases: tuple[type, ...], name: str, static: Any) -> dict[str, Any]:
    """What stands for a user's attribute in the hidden class, if anything does."""
    if isinstance(static, types.MemberDescriptorType | types.GetSetDescriptorType):
        return {}  # a slot of the twin's own
    async_name = ASYNCHRONOUS.get(name, name)
    replaced = _replaced(bases, async_name)
    if replaced is None and async_name != name:
        async_name, replaced = name, _replaced(bases, name)
    if not is_value(static, replaced):
        return {async_name: override(owner, name, static, replaced, async_name)}
    if is_special(name):
        return {}
    if name in owner.__dict__:
        # It is kept where async code sees it.
        type.__setattr__(owner, name, Attribute(name, bases[0]))
    return {name: into(static)}


def _replaced(bases: tuple[type, ...], name: str) -> Any:
    found = (static_of(base, name) for base in bases)
    return next((static for static in found if static is not None), None)
