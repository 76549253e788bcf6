"""The sync twins of properties."""

from collections.abc import Callable
from typing import Any

from sideloop._twins.look import Shown


class ShownProperty(property):
    """A property that is of the module that its getter is of."""

    def __init_subclass__(cls) -> None:
        Shown.by_objects_of(cls)

    def __sideloop_shown__(self, name: str) -> Any:
        return getattr(self.fget, name, None)


class SyncProperty(ShownProperty):
    """The sync twin of a property whose value is to be awaited. The original is at `aio`."""

    __sideloop_twin__ = True

    def __init__(
        self,
        original: property,
        getter: Callable[[Any], Any],
        setter: Callable[[Any, Any], None] | None,
        deleter: Callable[[Any], None] | None,
    ) -> None:
        super().__init__(getter, setter, deleter)
        self.__doc__ = original.__doc__
        self.aio = original
