"""Members of twin classes: each stands for the original's attribute of the same name."""

import types
from collections.abc import Mapping
from typing import Any

from sideloop._twins.attribute import AskedOnce, Attribute, is_asked_once
from sideloop._twins.counterpart import Counterparts
from sideloop._twins.form import is_function
from sideloop._twins.member_property import property_of
from sideloop._twins.memory import is_inherited, is_view, memory_of
from sideloop._twins.method import Method, method_of
from sideloop._twins.remembering import ViewOfMemory
from sideloop._twins.static import COUNTERPARTS, LEFT_OUT, is_special

_BUILT_IN = (
    types.ClassMethodDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)


def members(original: type, found: Mapping[str, Any]) -> dict[str, Any]:
    """The namespace of the twin class of `original`, with what stands for `found` of it."""
    namespace: dict[str, Any] = {
        name: member(original, name, static)
        for name, static in found.items()
        if name not in LEFT_OUT and not is_inherited(original, name, static)
    }
    for asynchronous, name in COUNTERPARTS.items():
        if asynchronous in found:
            namespace[name] = vars(Counterparts)[name]
    if "__await__" in found and not hasattr(original, "result"):
        namespace["result"] = vars(Counterparts)["result"]
    return namespace


def member(original: type, name: str, static: Any) -> Any:
    """What stands for one attribute, which is `static` in the class's own namespace."""
    if static is None and is_special(name):
        return None  # as __hash__ of what cannot be hashed
    if isinstance(static, property):
        return property_of(original, name, static)
    if is_function(static):
        return method_of(original, name, static)
    if is_view(original, name, static):
        return ViewOfMemory(static)
    if isinstance(static, _BUILT_IN) and memory_of(original) is not None:
        return Method(name, original, None)
    if is_asked_once(static):
        return AskedOnce(name, original, static)
    return Attribute(name, original)
