"""Wrap: the sync twin of anything, by what it is."""

from types import FrameType, ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._twins.bound_name import bound_name
from sideloop._twins.function import SyncFunction, name_twin
from sideloop._twins.look import Named
from sideloop._twins.memory import is_value
from sideloop._twins.nature import has_async
from sideloop._twins.rename import Rename
from sideloop._twins.sync_property import SyncProperty
from sideloop._twins.translate import Translated
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_class import twin_class_of
from sideloop._twins.twin_module import TwinModule, twin_module_of
from sideloop._twins.wrap_function import twin_function_of, twin_property_of


def wrap(
    translator: Translator, target: Any, caller: FrameType, *, deep: bool, rename: Rename | None
) -> Any:
    """The sync twin. `caller` is the frame of the statement that asks for it."""
    if isinstance(target, SyncFunction | SyncProperty | Twin | TwinModule) or (
        is_class(target) and Twin in target.__mro__
    ):
        raise TypeError(f"{target!r} is a sync twin already; its async original is at .aio")
    if isinstance(target, ModuleType):
        name = bound_name(caller) or target.__name__.rpartition(".")[2]
        module = caller.f_globals.get("__name__", target.__name__)
        return twin_module_of(translator.apart(deep=True), target, module, name, rename)
    if rename is not None:
        raise TypeError(
            f"rename says what the twins in a module or package are called, and {target!r} is none "
            f"of these: name its twin by an assignment, as in Acme = synced(AsyncAcme)"
        )
    if is_class(target):
        return _class(translator.apart(deep=deep), target, caller)
    if deep:
        translator = translator.apart(deep=True)
    if isinstance(target, property):
        return twin_property_of(translator, target)
    twin = twin_function_of(translator, target)
    home: Any = caller.f_globals.get("__name__")
    is_others = home not in (None, getattr(target, "__module__", None))
    if is_others and (bound := bound_name(caller)) is not None:
        # The twin of another module's function is found where it is made.
        name_twin(twin, Named(home, bound))
    return twin


def _class(translator: Translator, original: type, caller: FrameType) -> type[Translated]:
    _check_references(original)
    module, name = caller.f_globals.get("__name__"), bound_name(caller)
    if module is None or name is None:
        return twin_class_of(translator, original, original.__module__, original.__qualname__)
    twin_class = twin_class_of(translator, original, module, name)
    if (module, name) == (original.__module__, original.__qualname__):
        # A decorated class has lost its name to the twin. This is where it is found, by pickle too.
        original.__qualname__ = f"{name}.aio"
    return twin_class


def _check_references(original: type) -> None:
    # Of a tuple or an int they cannot, and what does not change is likely to have nothing open.
    if original.__weakrefoffset__ == 0 and not is_value(original) and has_async(original):
        raise TypeError(
            f"objects of {original.__qualname__} allow no weak references, so nothing could tell "
            f"later on which loop each of them lives: add '__weakref__' to its __slots__ (in a "
            f"dataclass: weakref_slot=True), or make the twin of a class that is derived from it "
            f"and has no __slots__"
        )
