"""Members of twin classes: each stands for the original's attribute of the same name."""

import functools
import types
from collections.abc import Mapping
from typing import Any

from sideloop._twins.attribute import Attribute
from sideloop._twins.behind import found_behind, is_override, static_behind
from sideloop._twins.computed import computed
from sideloop._twins.counterpart import Counterparts
from sideloop._twins.form import Form, form_of, is_dispatched, is_function
from sideloop._twins.function import SyncFunction, SyncProperty
from sideloop._twins.given import user_of
from sideloop._twins.hooked import called_kind, twin_kind
from sideloop._twins.served import Called, served
from sideloop._twins.static import (
    COUNTERPARTS,
    LEFT_OUT,
    is_async,
    is_special,
    needs_loop,
    static_of,
)
from sideloop._twins.taken import taken_value
from sideloop._twins.translate import kind_of, original_of
from sideloop._twins.twin import Twin
from sideloop._twins.unbound import unbound_kind
from sideloop._twins.view import resident_of


def members(original: type, found: Mapping[str, Any]) -> dict[str, Any]:
    """The namespace of the twin class of `original`, with what stands for `found` of it."""
    namespace: dict[str, Any] = {
        name: member(original, name, static)
        for name, static in found.items()
        if name not in LEFT_OUT
    }
    for asynchronous, name in COUNTERPARTS.items():
        if asynchronous in found:
            namespace[name] = vars(Counterparts)[name]
    if "__await__" in found and not hasattr(original, "result"):
        namespace["result"] = vars(Counterparts)["result"]
    return namespace


def member(original: type, name: str, static: Any) -> Any:
    """What stands for one attribute, which is `static` in the class's own namespace."""
    if static is None and is_special(name):
        return None  # as __hash__ of what cannot be hashed
    if isinstance(static, property):
        return _property(original, name, static)
    if is_function(static):
        return Method(name, original, None if is_dispatched(static) else form_of(static))
    return Attribute(name, original)


class Method:
    """A method. The original's is looked up for each call: its own class may have another one."""

    def __init__(self, name: str, original: type, form: Form | None) -> None:
        self._name = name
        self._original = original
        self._form = form
        self._is_static = isinstance(static_of(original, name), staticmethod)
        # Not known before its first use: annotations may name what comes later in the module.
        self._twin: type[SyncFunction] | None = None

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> Any:
        if twin is None:
            origin = owner.__sideloop__
            translator = origin.translator
            found = found_behind(origin.original, self._original, self._name)
        else:
            found = found_behind(original_of(twin), self._original, self._name)
            translator = resident_of(twin)
        if isinstance(found, SyncFunction):
            return found.at(translator)  # the original's own body has a twin
        if (given := user_of(found)) is not found:
            return given
        if self._twin is None:
            static = static_of(self._original, self._name)
            self._twin = twin_kind(self._form, static)
            if self._form is None and needs_loop(static):
                self._twin = called_kind(static)
        if twin is None and kind_of(found) is types.FunctionType and not self._is_static:
            return unbound_kind(self._twin)(translator, found)
        return self._twin(translator, found)


def _property(original: type, name: str, static: property) -> property:
    is_on_loop = needs_loop(static)

    def get(twin: Twin) -> Any:
        inside = original_of(twin)
        if not is_on_loop:
            return computed(twin, name, found_behind(inside, original, name))
        resident = resident_of(twin)
        find = Called(resident, functools.partial(found_behind, inside, original), name)
        return served(resident, resident.router.run(find, (name,), {}))

    def await_(twin: Twin) -> Any:
        inside, translator = original_of(twin), resident_of(twin)
        getter = static_behind(kind_of(inside), original, name).fget
        return translator.out(translator.router.run(getter, (inside,), {}))

    def set_(twin: Twin, value: Any) -> None:
        inside = original_of(twin)
        value = taken_value(twin, name, value)
        if is_override(static_of(kind_of(inside), name)):
            static_behind(kind_of(inside), original, name).__set__(inside, value)
        else:
            setattr(inside, name, value)

    def delete(twin: Twin) -> None:
        inside = original_of(twin)
        if is_override(static_of(kind_of(inside), name)):
            static_behind(kind_of(inside), original, name).__delete__(inside)
        else:
            delattr(inside, name)

    accessors = static.fset and set_, static.fdel and delete
    if is_async(static):
        return SyncProperty(static, await_, *accessors)
    return property(get, *accessors, static.__doc__)
