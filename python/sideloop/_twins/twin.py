"""The twin: an object whose sync methods stand for the async ones of another object."""

import copy
from typing import Any

from sideloop._twins.computed import computed
from sideloop._twins.derived import KWARGS, originals_of
from sideloop._twins.hooks import taken_call
from sideloop._twins.memory import blank, keeps_views
from sideloop._twins.origin import HiddenOrigin, Origin
from sideloop._twins.static import has_static, names_aio
from sideloop._twins.taken import taken_value
from sideloop._twins.translate import Translated, kind_of, original_of
from sideloop._twins.translator import Translator
from sideloop._twins.twin_type import TwinType
from sideloop._twins.view import resident_of


class Twin(Translated, metaclass=TwinType):
    """The base of all twin classes.

    Its objects have no state but the original: what is set on them is set there.
    """

    __sideloop__: Origin
    __sideloop_twin__ = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        origin = cls.__sideloop__
        if isinstance(origin, HiddenOrigin):
            return blank(cls)  # a user's, whose __init__ may take other arguments
        resident = origin.translator.here(origin.construct)
        args, kwargs = taken_call(resident, origin.original, args, kwargs)
        made = resident.router.run(origin.construct, *resident.into_call(args, kwargs))
        try:
            if made[1] is not None:
                raise made[1]
            # A class may return one object again and again. So does its twin.
            return resident.out(made[0])
        finally:
            del made  # it holds the error, whose traceback holds this frame

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave it to the originals', who hear of the hidden one, and to that of a user's base."""
        if "__sideloop__" in cls.__dict__:
            return
        originals = list(originals_of(cls))
        after = cls.__mro__[cls.__mro__.index(Translated) + 1 :]
        following = next(base for base in after if "__init_subclass__" in base.__dict__)
        if not any(following in original.__mro__ for original in originals):
            super().__init_subclass__(**kwargs)
        else:
            type.__setattr__(cls, KWARGS, kwargs)

    # Not `__getattr__`, which Python calls also after a property that has raised AttributeError:
    # the original's would run a second time.
    def __getattribute__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            if has_static(type(self), name):
                raise
        inside = original_of(self)
        if has_static(type(self), "__getattr__"):
            # A sync user's, which Python asks next, in place of the original's.
            return computed(self, name, kind_of(inside).__getattribute__(inside, name))
        return computed(self, name, getattr(inside, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "aio":
            raise AttributeError(names_aio(type(self).__qualname__))
        found = (vars(base)[name] for base in type(self).__mro__ if name in vars(base))
        if hasattr(next(found, None), "__set__"):
            object.__setattr__(self, name, value)  # a property or slot of a user's, for example
        else:
            setattr(original_of(self), name, taken_value(self, name, value))

    def __delattr__(self, name: str) -> None:
        delattr(original_of(self), name)

    def __dir__(self) -> list[str]:
        own = {name for name in object.__dir__(self) if name.isidentifier()}
        return sorted({*own, *dir(original_of(self))})

    def __copy__(self) -> Any:
        return resident_of(self).out(copy.copy(original_of(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return resident_of(self).out(copy.deepcopy(original_of(self), memo))

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        origin = self.__sideloop__
        if not origin.is_named:
            return _restore_unnamed, (origin.translator.manager, original_of(self))
        return _restore, (type(self), original_of(self))


def _restore(twin_class: type[Twin], original: object) -> Translated:
    translator: Translator = twin_class.__sideloop__.translator
    # It lives where it is used first. What is in a tuple is seen at once, and for ever.
    here = translator.here(twin_class) if keeps_views(twin_class) else None
    return translator.known.twin(original, twin_class, here)


def _restore_unnamed(manager: Any, original: object) -> Translated:
    """The same, of a class that cannot be found by a name, but may be made."""
    twin_class: type[Twin] = manager.synced(type(original))
    return _restore(twin_class, original)
