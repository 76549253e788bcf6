"""Wrap: the sync twin of anything, by what it is."""

from types import FrameType, ModuleType
from typing import Any

from sideloop._twins.bound_name import bound_name
from sideloop._twins.function import SyncFunction, SyncProperty
from sideloop._twins.translate import Translated
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_class import twin_class_of
from sideloop._twins.twin_module import TwinModule, twin_module_of
from sideloop._twins.wrap_function import twin_function_of, twin_property_of


def wrap(translator: Translator, target: Any, caller: FrameType) -> Any:
    """The sync twin. `caller` is the frame of the statement that asks for it."""
    if isinstance(target, SyncFunction | SyncProperty | Twin | TwinModule) or (
        isinstance(target, type) and Twin in target.__mro__
    ):
        raise TypeError(f"{target!r} is a sync twin already; its async original is at .aio")
    if isinstance(target, property):
        return twin_property_of(translator, target)
    if isinstance(target, ModuleType):
        name = bound_name(caller) or target.__name__.rpartition(".")[2]
        module = caller.f_globals.get("__name__", target.__name__)
        return twin_module_of(translator, target, module, name)
    # Calling a class whose instances can be awaited gives an awaitable, as calling a function does.
    if isinstance(target, type) and not hasattr(target, "__await__"):
        return _class(translator, target, caller)
    return twin_function_of(translator, target)


def _class(translator: Translator, original: type, caller: FrameType) -> type[Translated]:
    module, name = caller.f_globals.get("__name__"), bound_name(caller)
    if module is None or name is None:
        return twin_class_of(translator, original, original.__module__, original.__qualname__)
    twin_class = twin_class_of(translator, original, module, name)
    if (module, name) == (original.__module__, original.__qualname__):
        # A decorated class has lost its name to the twin. This is where it is found, by pickle too.
        original.__qualname__ = f"{name}.aio"
    return twin_class
