"""The class of twin classes: what is set on one is set on its original, as for its objects."""

# What `type.__new__` takes besides depends on the version.
# pyright: reportInconsistentConstructor=false

import abc
from abc import ABC, ABCMeta
from typing import TYPE_CHECKING, Any, Protocol, cast

from sideloop._twins.computed import computed
from sideloop._twins.form import form_of
from sideloop._twins.function import TWINS
from sideloop._twins.origin import is_twins_own
from sideloop._twins.static import has_static, is_special
from sideloop._twins.translate import into, kind_of, original_of
from sideloop._twins.translator import Translator
from sideloop._twins.view import view

if TYPE_CHECKING:
    ProtocolType = ABCMeta
else:
    # So that a class may be derived from a twin and from a protocol or an abstract class.
    ProtocolType = type(Protocol)


_make_abstract: Any = vars(abc)["_abc_init"]
"""What `ABCMeta` does after the other metaclasses of a class."""


class AsksOriginal:
    """Is behind a sync user's `__getattr__`, for its `super()`.

    What any twin has in its place, `__getattribute__`, leaves what the original lacks to that.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return computed(self, name, getattr(original_of(cast("Any", self)), name))


class TwinType(ProtocolType):
    """Made by `synced`, or by a class statement of a sync user's."""

    __sideloop__: Any

    @classmethod
    def __prepare__(cls, _name: str, _bases: Any, /, **_kwargs: Any) -> Any:
        return {}

    def __new__(cls, name: str, bases: Any, namespace: Any, /, **kwargs: Any) -> Any:
        if "__getattr__" in namespace and "__sideloop__" not in namespace:
            bases = (*bases, AsksOriginal)
        # Not by the metaclasses of the originals' bases, which make models and tables of classes.
        made = type.__new__(cls, name, bases, namespace, **kwargs)
        _make_abstract(made)
        return made

    def __init__(self, name: str, bases: Any, namespace: Any, /, **_kwargs: Any) -> None:
        type.__init__(self, name, bases, namespace)
        if "__sideloop__" not in self.__dict__ and hasattr(self, "__sideloop__"):
            self.__sideloop__.derive(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if is_twins_own(name) or "__sideloop__" not in self.__dict__:
            type.__setattr__(self, name, value)
        else:
            self.__sideloop__.assign(self, name, value)

    def __delattr__(self, name: str) -> None:
        if is_twins_own(name) or "__sideloop__" not in self.__dict__:
            type.__delattr__(self, name)
        else:
            self.__sideloop__.remove(self, name)

    def __getattr__(self, name: str) -> Any:
        # What was set on the original later on.
        if is_special(name) or (origin := self.__dict__.get("__sideloop__")) is None:
            raise AttributeError(f"type object {self.__name__!r} has no attribute {name!r}")
        if has_static(self, name):
            # It has run already, and is not to run again for what it said: Python has dropped that.
            raise AttributeError(
                f"the descriptor {name!r} of type object {self.__name__!r} raised AttributeError"
            )
        try:
            found = getattr(origin.original, name)
            if getattr(found, "__self__", None) is origin.original and form_of(found) is None:
                return TWINS[None](origin.translator, found)  # a method of its metaclass
            return view(None, self, found)
        except AttributeError:
            raise AttributeError(
                f"type object {self.__name__!r} has no attribute {name!r}"
            ) from None

    # Those of protocols and abstract classes take longer, and ask all classes derived from one.

    def __instancecheck__(self, instance: Any) -> bool:
        if type.__instancecheck__(self, instance):
            return True
        return ABC in self.__mro__ and ABCMeta.__instancecheck__(self, instance)

    def __subclasscheck__(self, subclass: Any) -> bool:
        if type.__subclasscheck__(self, subclass):
            return True
        return ABC in self.__mro__ and ABCMeta.__subclasscheck__(self, subclass)


_ASKED = ("__bool__", "__contains__", "__getitem__", "__iter__", "__len__", "__reversed__")
"""What a metaclass may let its classes be asked, as those of tables and enumerations do."""


def type_of(original: type, bases: tuple[type, ...]) -> Any:
    """The class of the twin of a class: it has to be derived from that of each of its bases."""
    kinds: list[Any] = list(dict.fromkeys(map(type, bases)))
    kinds = [one for one in kinds if not any(o is not one and issubclass(o, one) for o in kinds)]
    asked = {
        name: _asking(name)
        for name in _ASKED
        if hasattr(kind_of(original), name) and not any(hasattr(one, name) for one in kinds)
    }
    return kinds[0] if len(kinds) == 1 and not asked else type("TwinType", tuple(kinds), asked)


def _asking(name: str) -> Any:
    def ask(self: Any, *args: Any) -> Any:
        origin = self.__sideloop__
        translator: Translator = origin.translator
        found = getattr(kind_of(origin.original), name)(origin.original, *map(into, args))
        is_iterator = name in ("__iter__", "__reversed__")
        return map(translator.out, found) if is_iterator else translator.out(found)

    return ask
