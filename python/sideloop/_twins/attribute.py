"""The attribute of a twin class that stands for a value, which its original keeps."""

from typing import Any

from sideloop._twins.behind import found_behind
from sideloop._twins.computed import computed
from sideloop._twins.taken import taken_value
from sideloop._twins.translate import original_of
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
