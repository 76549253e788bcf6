"""The constructor of a twin class."""

import inspect
import types
from typing import Any

from sideloop._twins.birth import begin
from sideloop._twins.hooks import taken_call
from sideloop._twins.look import Named, look_of
from sideloop._twins.origin import HiddenOrigin


class Constructor:
    """The `__init__` of the twin of a class. It looks as the original's does."""

    __sideloop_constructor__ = True

    def __init__(self, original: type) -> None:
        self.original = original

        def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is one
            if not isinstance(self.__sideloop__, HiddenOrigin):
                return  # it was made by `__new__`
            translator = self.__sideloop__.translator
            args, kwargs = taken_call(translator, original, args, kwargs)
            error = begin(self, original, *translator.into_call(args, kwargs))
            try:
                if error is not None:
                    raise error
            finally:
                del error

        self._call = __init__

    def __set_name__(self, owner: Any, name: str) -> None:
        self._owner = owner

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is not None:
            return types.MethodType(self._call, twin)
        named = Named(self._owner.__module__, f"{self._owner.__qualname__}.__init__")
        known = self._owner.__sideloop__.translator.known
        async_fn, original = self.async_fn, self.original
        # Which is not what these say of themselves: that of objects, and that of protocols.
        is_none = async_fn is object.__init__ or async_fn.__module__ == "typing"
        if is_none and inspect.getattr_static(original, "__new__") is _NEW:
            async_fn = _takes_nothing
        return look_of(self._call, known, async_fn, None, named)

    @property
    def async_fn(self) -> Any:
        """The original's."""
        return inspect.getattr_static(self.original, "__init__")


_NEW = vars(object)["__new__"]


def _takes_nothing(self: Any) -> None: ...
