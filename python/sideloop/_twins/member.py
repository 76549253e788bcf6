"""Members of twin classes: each stands for the original's attribute of the same name."""

import types
from collections.abc import Mapping
from typing import Any

from sideloop._twins.counterpart import COUNTERPARTS, Counterparts
from sideloop._twins.form import Form, Made, form_behind, form_of, is_function
from sideloop._twins.function import TWINS, SyncFunction, SyncProperty
from sideloop._twins.translate import into, kind_of, original_of
from sideloop._twins.twin import Twin, resident_of, view

_LEFT_OUT = frozenset(
    """
    __abstractmethods__ __aenter__ __aexit__ __aiter__ __annotate__ __annotate_func__
    __annotations__ __annotations_cache__ __anext__ __await__ __class__ __class_getitem__
    __copy__ __deepcopy__ __del__ __delattr__ __dict__ __dir__ __doc__ __firstlineno__
    __getattr__ __getattribute__ __getnewargs__ __getnewargs_ex__ __getstate__ __init__
    __init_subclass__ __module__ __new__ __orig_bases__ __parameters__ __qualname__ __reduce__
    __reduce_ex__ __setattr__ __setstate__ __slots__ __static_attributes__ __subclasshook__
    __type_params__ __weakref__ _abc_impl _is_protocol _is_runtime_protocol
    """.split()  # noqa: SIM905  # to be read
)
"""What a twin has of its own, and what is the original's alone."""


def members(original: type, found: Mapping[str, Any]) -> dict[str, Any]:
    """The namespace of the twin class of `original`, with what stands for `found` of it."""
    namespace: dict[str, Any] = {
        name: member(original, name, static)
        for name, static in found.items()
        if name not in _LEFT_OUT
    }
    for asynchronous, name in COUNTERPARTS.items():
        if asynchronous in found:
            namespace[name] = vars(Counterparts)[name]
    return namespace


def member(original: type, name: str, static: Any) -> Any:
    """What stands for one attribute, which is `static` in the class's own namespace."""
    if static is None:
        return None  # as __hash__ of what cannot be hashed
    if isinstance(static, property):
        return _property(name, static)
    if is_function(static):
        return Method(name, original, form_of(static))
    return Attribute(name, original)


def is_async(static: Any) -> bool:
    """Whether an attribute of a class is async."""
    if isinstance(static, SyncFunction | SyncProperty):
        return False
    if isinstance(static, property):
        return form_behind(static.fget) is Form.AWAITED
    return is_function(static) and form_behind(static) is not None


class Method:
    """A method. The original's is looked up for each call: its own class may have another one."""

    def __init__(self, name: str, original: type, form: Form | None) -> None:
        self._name = name
        self._original = original
        self._twin = TWINS[form]

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> Any:
        if twin is None:
            translator, found = owner.__sideloop__.translator, getattr(self._original, self._name)
        else:
            found = getattr(original_of(twin), self._name)
            translator = resident_of(twin)
        if isinstance(found, SyncFunction):
            return found.at(translator)  # the original's own body has a twin
        return self._twin(translator, found)


class Attribute:
    """Anything else: a value, a slot, a descriptor."""

    def __init__(self, name: str, original: type) -> None:
        self._name = name
        self._original = original

    def __get__(self, twin: Twin | None, owner: type[Twin]) -> Any:
        found = getattr(self._original if twin is None else original_of(twin), self._name)
        return view(twin, owner, found)

    def __set__(self, twin: Twin, value: Any) -> None:
        setattr(original_of(twin), self._name, into(value))

    def __delete__(self, twin: Twin) -> None:
        delattr(original_of(twin), self._name)


def _property(name: str, static: property) -> property:
    def get(twin: Twin) -> Any:
        found = getattr(original_of(twin), name)
        if kind_of(found) is types.CoroutineType:
            found = resident_of(twin).router.run(Made(found), (), {})
        return view(twin, type(twin), found)

    def await_(twin: Twin) -> Any:
        original, translator = original_of(twin), resident_of(twin)
        getter = getattr(kind_of(original), name).fget
        return translator.out(translator.router.run(getter, (original,), {}))

    def set_(twin: Twin, value: Any) -> None:
        setattr(original_of(twin), name, into(value))

    def delete(twin: Twin) -> None:
        delattr(original_of(twin), name)

    accessors = static.fset and set_, static.fdel and delete
    if is_async(static):
        return SyncProperty(static, await_, *accessors)
    return property(get, *accessors, static.__doc__)
