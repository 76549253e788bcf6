"""Hanging: objects that are attributes of one with a twin, as `client.chat.completions` is."""

import functools
import types
from abc import ABCMeta
from typing import Any

from sideloop._twins.annotation import hints_of
from sideloop._twins.by_class import ByClass, flags_of, mro_of, namespace_of
from sideloop._twins.nature import Nature, nature_of
from sideloop._twins.remarks import warn_of_unnamed
from sideloop._twins.shape import shape_of
from sideloop._twins.translate import kind_of
from sideloop._twins.translator import Translator

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, mostly
_LEFT_ALONE = (BaseException, type, types.ModuleType)
_DEEPEST = 4
"""How far below an object that is not async itself something async is looked for."""

_leads: ByClass[bool] = ByClass()


def hanging(translator: Translator, holder: Any, value: Any) -> Any:
    """The sync view of an attribute of `holder`.

    Its library's own async objects have twins there, also if nobody has wrapped their classes:
    nothing else could be done with them.
    """
    kind = kind_of(value)
    if translator.known.nearest_class(kind) is not None:
        return translator.out(value)
    nature = nature_of(kind)
    if nature is Nature.PENDING or not (translator.base.deep or _is_related(kind, holder)):
        return translator.out(value)
    if nature is Nature.SYNC:
        is_way = _leads_to_async(translator, value, holder, _DEEPEST)
        return translator.served(value) if is_way else translator.out(value)
    if nature is Nature.ASYNC and not translator.base.deep:
        warn_of_unnamed(translator.known, kind)
    return translator.served(value)


def _is_related(kind: type, holder: Any) -> bool:
    """Whether a class is of the same library as one that `holder` is of."""
    package = kind.__module__.partition(".")[0]
    return any(one.__module__.partition(".")[0] == package for one in mro_of(kind_of(holder))[:-1])


def _leads_to_async(translator: Translator, value: Any, holder: Any, depth: int) -> bool:
    """Whether an object that is not async itself has attributes that are."""
    kind = kind_of(value)
    if depth == 0 or not _is_related(kind, holder) or not _is_looked_into(kind):
        return False
    if _says_async(kind):
        return True
    for one in _attributes(value):
        found = kind_of(one)
        if translator.known.nearest_class(found) or nature_of(found) in _ASYNC:
            return True
        if found.__flags__ & _HEAP_TYPE and _leads_to_async(translator, one, holder, depth - 1):
            return True
    return False


def _attributes(value: Any) -> list[Any]:
    slots = (one for base in mro_of(kind_of(value)) for one in namespace_of(base).values())
    found = [
        one.__get__(value)
        for one in slots
        if isinstance(one, types.MemberDescriptorType) and hasattr(value, one.__name__)
    ]
    return [*getattr(value, "__dict__", {}).values(), *found]


_ASYNC = (Nature.ASYNC, Nature.OPENED, Nature.AWAITABLE)


def _is_looked_into(kind: Any) -> bool:
    """Whether objects of a class are no values, nor functions, classes or modules."""
    if not flags_of(kind) & _HEAP_TYPE or kind_of(kind) not in (type, ABCMeta):
        return False
    is_other = issubclass(kind, _LEFT_ALONE)
    return not is_other and shape_of(kind) is None


def _says_async(kind: type) -> bool:
    """Whether properties of a class say that they return something async."""
    found = _leads.get(kind)
    if found is None:
        statics = (one for base in mro_of(kind) for one in namespace_of(base).values())
        said = (hints_of(getter).get("return") for one in statics if (getter := _getter_of(one)))
        found = any(nature_of(one) in _ASYNC for one in said if isinstance(one, type))
        _leads.keep(kind, found)
    return found


def _getter_of(static: Any) -> Any:
    if isinstance(static, functools.cached_property):
        return static.func
    return static.fget if isinstance(static, property) else None
