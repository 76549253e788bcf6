"""Hanging: objects that are attributes of one with a twin, as `client.chat.completions` is."""

import types
from typing import Any

from sideloop._twins.by_class import mro_of, namespace_of
from sideloop._twins.nature import WITH_TWINS, Nature, nature_of
from sideloop._twins.remarks import warn_of_unnamed
from sideloop._twins.translate import kind_of
from sideloop._twins.translator import Translator
from sideloop._twins.ways import is_looked_into, is_way

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, mostly
_DEEPEST = 4
"""How far below an object that is not async itself something async is looked for."""


def hanging(translator: Translator, holder: Any, value: Any) -> Any:
    """The sync view of an attribute of `holder`.

    Its library's own async objects have twins there, also if nobody has wrapped their classes:
    nothing else could be done with them.
    """
    kind = kind_of(value)
    if (twin_class := translator.class_of_twin(kind)) is not None:
        return translator.twin(value, twin_class)
    nature = nature_of(kind)
    is_derived = translator.base.deep and translator.known.nearest_class(kind) is not None
    is_met = translator.base.deep or _is_related(kind, holder)
    if nature is Nature.PENDING or is_derived or not is_met:
        return translator.out(value)
    if nature is Nature.SYNC:
        leads = _leads_to_async(translator, value, holder, _DEEPEST)
        return translator.served(value) if leads else translator.out(value)
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
    if depth == 0 or not _is_related(kind, holder) or not is_looked_into(kind):
        return False
    if is_way(kind):
        return True
    for one in _attributes(value):
        found = kind_of(one)
        if translator.known.nearest_class(found) or nature_of(found) in WITH_TWINS:
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
