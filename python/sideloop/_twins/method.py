"""Methods of twin classes: each calls the original's, which it looks up for each call."""

import inspect
import types
from typing import TYPE_CHECKING, Any

from sideloop._twins.behind import found_behind
from sideloop._twins.form import Form, form_of, is_dispatched
from sideloop._twins.function import SyncFunction, is_twin_function, living_at, name_twin, named_in
from sideloop._twins.given import user_of
from sideloop._twins.hooked import called_kind, twin_kind
from sideloop._twins.look import LOOK, Shown, name_of
from sideloop._twins.memory import may_change
from sideloop._twins.remembering import remembering
from sideloop._twins.static import needs_loop, static_of
from sideloop._twins.translate import kind_of, original_of
from sideloop._twins.twin import Twin
from sideloop._twins.unbound import twin_of_class, unbound_twin
from sideloop._twins.view import resident_of

if TYPE_CHECKING:

    class _Class: ...

    class _Static: ...
else:
    # Tools ask for these.
    _Class, _Static = classmethod, staticmethod


def method_of(original: type, name: str, static: Any) -> "Method":
    """What stands for a method, which is `static` in the class's own namespace."""
    form = None if is_dispatched(static) else form_of(static)
    if isinstance(static, classmethod):
        return ClassMethod(name, original, form)
    if isinstance(static, staticmethod):
        return StaticMethod(name, original, form)
    return FunctionMethod(name, original, form)


class Method:
    """A method. The original's is looked up for each call: its own class may have another one."""

    def __init__(self, name: str, original: type, form: Form | None) -> None:
        self._name = name
        self._original = original
        self._form = form
        # Not known before its first use: annotations may name what comes later in the module.
        self._twin: type[SyncFunction] | None = None

    def __init_subclass__(cls) -> None:
        Shown.by_objects_of(cls)

    def __set_name__(self, owner: type[Twin], name: str) -> None:
        self._owner = owner

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> Any:
        if twin is None:
            origin = owner.__sideloop__
            translator = origin.translator
            found = found_behind(origin.original, self._original, self._name)
        else:
            found = found_behind(original_of(twin), self._original, self._name)
            translator = resident_of(twin)
        if is_twin_function(found):
            return living_at(found, translator)  # the original's own body has a twin
        if (given := user_of(found)) is not found:
            return given
        kind = self._twin
        if kind is None:
            static = static_of(self._original, self._name)
            kind = twin_kind(self._form, static)
            if self._form is None and needs_loop(static):
                kind = called_kind(static)
            if may_change(self._original, self._name, static):
                kind = remembering(kind)
            self._twin = kind
        return kind(translator, found) if twin is not None else self._of_class(kind, found)

    def _of_class(self, kind: type[SyncFunction], found: Any) -> Any:
        return kind(self._owner.__sideloop__.translator, found)

    # What is in a class's namespace is looked at by tools, which replace it by something similar,
    # or search its documentation for examples.

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__get__(None, self._owner)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in LOOK or name in ("__name__", "__qualname__"):
            return getattr(self.__get__(None, self._owner), name)
        raise AttributeError(name)

    def __sideloop_shown__(self, name: str) -> Any:
        return getattr(self.__get__(None, self._owner), name)


class FunctionMethod(Method):
    """One that is bound to its object."""

    __class__ = property(lambda _self: types.FunctionType)  # pyright: ignore[reportIncompatibleMethodOverride]  # as intended

    def _of_class(self, kind: type[SyncFunction], found: Any) -> Any:
        if kind_of(found) is not types.FunctionType:
            return super()._of_class(kind, found)
        # As of a plain class: the same one, each time.
        known = vars(self).get("_unbound")
        if known is None or known.__sideloop_async_fn__ is not found:
            translator = self._owner.__sideloop__.translator
            known = self._unbound = unbound_twin(kind, translator, found, self._owner)
        return known


class _AroundNothing(Method):
    """One of a kind of Python's that is made around a function, since CPython 3.15."""

    def __new__(cls, *_args: Any) -> "_AroundNothing":  # pyright: ignore[reportInconsistentConstructor]  # __init__ has it
        new: Any = super().__new__
        made: _AroundNothing = new(cls, None)
        vars(made).clear()  # the documentation of what it is around, for example
        return made


class ClassMethod(_AroundNothing, _Class):
    """One that is bound to its class."""

    @property
    def __func__(self) -> Any:
        """As of any class method: it takes the class first."""
        return self.__get__(None, self._owner).__func__

    def _of_class(self, kind: type[SyncFunction], found: Any) -> Any:
        if not inspect.ismethod(found):
            return super()._of_class(kind, found)
        return twin_of_class(kind, self._owner.__sideloop__.translator, found)


class StaticMethod(_AroundNothing, _Static):
    """One that is not bound."""

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> Any:
        found = super().__get__(twin, owner)
        if is_twin_function(found):
            # Nothing else in it tells of which class it is.
            name_twin(found, named_in(self._owner, name_of(found.__sideloop_async_fn__)))
        return found

    @property
    def __func__(self) -> Any:
        """As of any static method."""
        return self.__get__(None, self._owner)
