"""The attribute of a twin class that stands for a value, which its original keeps."""

import functools
import inspect
from typing import Any, TypeGuard, cast

from sideloop._twins.behind import found_behind
from sideloop._twins.computed import computed
from sideloop._twins.static import static_of
from sideloop._twins.taken import taken_value
from sideloop._twins.translate import kind_of, original_of
from sideloop._twins.view import view


class Attribute:
    """A value, a slot, a descriptor."""

    def __init__(self, name: str, original: type) -> None:
        self._name = name
        self._original = original

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is None:
            inside = owner.__sideloop__.original
            return view(twin, owner, found_behind(inside, self._original, self._name))
        inside = original_of(twin)
        return computed(twin, self._name, found_behind(inside, self._original, self._name))

    def __set__(self, twin: Any, value: Any) -> None:
        inside = original_of(twin)
        setattr(inside, self._name, taken_value(twin, self._name, value))

    def __delete__(self, twin: Any) -> None:
        delattr(original_of(twin), self._name)


class AskedOnce(Attribute):
    """A `cached_property` with an `async def` getter, which several threads may ask for first.

    Since CPython 3.12 it is told by nothing that another thread is about to store what it has got.
    That of the thread which stores last would be kept, though others wait for theirs by then.
    """

    def __init__(self, name: str, original: type, static: functools.cached_property[Any]) -> None:
        super().__init__(name, original)
        self._static = static

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is not None:
            inside = original_of(twin)
            store: Any = getattr(inside, "__dict__", None)
            if type(store) is dict and self._name not in store:
                self._store_first(inside, cast("dict[str, Any]", store))
        return super().__get__(twin, owner)

    def _store_first(self, inside: Any, store: dict[str, Any]) -> None:
        """As the property does, but what another thread has stored meanwhile is left there."""
        static = static_of(kind_of(inside), self._name)
        if static is self._static and self._static.attrname == self._name:
            found = self._static.func(inside)
            if store.setdefault(self._name, found) is not found:
                found.close()


def is_asked_once(static: Any) -> TypeGuard[functools.cached_property[Any]]:
    """Whether it is such a property, with nobody's changes."""
    of_functools = type(static) is functools.cached_property
    return of_functools and inspect.iscoroutinefunction(static.func)
