"""Methods asked of their class: `Client.get`, `Client.from_url`.

To tools they are what they would be in a plain class: a function, and a method of the class.
"""

import functools
import types
from typing import Any, ClassVar

from sideloop._twins.function import SyncFunction, name_twin, named_in, named_of
from sideloop._twins.look import look_of, name_of
from sideloop._twins.translate import Translated, kind_of, original_of
from sideloop._twins.translator import Translator
from sideloop._twins.view import resident_of

_OWNER = "__sideloop_owner__"


class Unbound(SyncFunction):
    """Called with an object, it is that object's: `Client.get(client, 1)` runs where that lives."""

    __sideloop_kind__: ClassVar[type[SyncFunction]]
    """The class of the twins of the objects' own."""

    # This is how tools ask whether it still needs its object.
    __class__ = property(lambda _self: types.FunctionType)  # pyright: ignore[reportIncompatibleMethodOverride]  # as intended

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if not args or not issubclass(kind_of(args[0]), Translated):
            return super().__call__(*args, **kwargs)
        twin, *rest = args
        bound = self.__sideloop_async_fn__.__get__(original_of(twin))
        return self.__sideloop_kind__(resident_of(twin), bound)(*rest, **kwargs)

    def __sideloop_look__(self) -> Any:
        known, named = self.__sideloop_translator__.known, named_of(self)
        # By name, for who pickles a function by what is in it.
        call = functools.partial(_call_by_name, vars(self)[_OWNER], named.name)
        return look_of(call, known, self.__sideloop_async_fn__, self.__sideloop_form__, named)


class OfClass(SyncFunction):
    """A class method. What it is bound to is the class, and `__func__` takes that first."""

    __class__ = property(lambda _self: types.MethodType)  # pyright: ignore[reportIncompatibleMethodOverride]  # as intended

    @property
    def __func__(self) -> Any:
        """As of a bound method."""

        def call(_owner: Any, /, *args: Any, **kwargs: Any) -> Any:
            return self(*args, **kwargs)

        known, async_fn = self.__sideloop_translator__.known, self.__sideloop_async_fn__.__func__
        return look_of(call, known, async_fn, self.__sideloop_form__, named_of(self))


def unbound_twin(
    kind: type[SyncFunction], translator: Translator, async_fn: Any, owner: type
) -> SyncFunction:
    """The twin of a function of a class, asked of `owner`, the twin of that."""
    made = _kind_of(Unbound, kind)(translator, async_fn)
    vars(made)[_OWNER] = owner
    name_twin(made, named_in(owner, name_of(async_fn)))
    return made


def twin_of_class(kind: type[SyncFunction], translator: Translator, async_fn: Any) -> SyncFunction:
    """The twin of a bound class method."""
    return _kind_of(OfClass, kind)(translator, async_fn)


def _call_by_name(owner: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
    return getattr(owner, name)(*args, **kwargs)


_kinds: dict[tuple[type, type], type[SyncFunction]] = {}


def _kind_of(asked: type, kind: type[SyncFunction]) -> type[SyncFunction]:
    """The class of such methods, by that of the objects'."""
    found = _kinds.get((asked, kind))
    if found is None:
        bases = (asked,) if kind is SyncFunction else (asked, kind)
        made: Any = types.new_class(kind.__name__, bases)
        made.__sideloop_kind__ = kind
        found = _kinds.setdefault((asked, kind), made)
    return found
