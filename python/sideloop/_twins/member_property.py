"""Properties of twin classes: each asks the original's."""

import functools
from typing import TYPE_CHECKING, Any

from sideloop._twins.behind import found_behind, is_override, static_behind
from sideloop._twins.computed import computed
from sideloop._twins.form import Form
from sideloop._twins.look import Named, look_of
from sideloop._twins.served import Called, served
from sideloop._twins.static import is_async, needs_loop, static_of
from sideloop._twins.sync_property import ShownProperty, SyncProperty
from sideloop._twins.taken import taken_value
from sideloop._twins.translate import kind_of, original_of
from sideloop._twins.twin import Twin
from sideloop._twins.view import resident_of


def property_of(original: type, name: str, static: property) -> Any:
    """What stands for a property, which is `static` in the class's own namespace."""
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
        make: Any = _AwaitedProperty
        return make(static, await_, *accessors)
    make = _ValueProperty
    made = make(get, *accessors, static.__doc__)
    made.original = static
    return made


class _Member:
    """Shows tools the getter of its original, as one of its own class."""

    original: Any

    _owner: Any
    _name: str

    def __set_name__(self, owner: Any, name: str) -> None:
        self._owner, self._name = owner, name

    @property
    def fget(self) -> Any:
        """As of any property."""
        getter = self.original.fget
        if getter is None:
            return None
        owner, known = self._owner, self._owner.__sideloop__.translator.known
        named = Named(owner.__module__, f"{owner.__qualname__}.{self._name}")
        form = Form.AWAITED if isinstance(self, SyncProperty) else None
        return look_of(_GETTER.__get__(self), known, getter, form, named)


_GETTER: Any = vars(property)["fget"]

if TYPE_CHECKING:
    # To checkers `fget` is a variable.
    class _Awaited:
        aio: Any

    class _Shown: ...
else:
    _Awaited, _Shown = SyncProperty, ShownProperty


class _AwaitedProperty(_Member, _Awaited):
    """One whose value is awaited."""

    original = property(lambda self: self.aio)


class _ValueProperty(_Member, _Shown):
    """Another one."""
