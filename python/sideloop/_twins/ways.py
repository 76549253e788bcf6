"""Ways: classes that have nothing async themselves, and lead to what is async."""

import functools
import types
from abc import ABCMeta
from typing import Any

from sideloop._base.classes import is_class
from sideloop._twins.annotation import hints_of
from sideloop._twins.by_class import ByClass, flags_of, kind_of, mro_of, namespace_of
from sideloop._twins.nature import WITH_TWINS, nature_of
from sideloop._twins.shape import shape_of

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, mostly
_LEFT_ALONE = (BaseException, type, types.ModuleType)

_known: ByClass[bool] = ByClass()


def is_way(kind: type) -> bool:
    """Whether a class says that its objects lead to async ones.

    Its properties may say that they return such; and an attribute of it may be a class of such,
    which its methods make objects of, as a paginator does of the class of its pages.
    """
    found = _known.get(kind)
    if found is None:
        found = is_looked_into(kind) and _says_async(kind)
        _known.keep(kind, found)
    return found


def is_looked_into(kind: Any) -> bool:
    """Whether objects of a class are no values, nor functions, classes or modules."""
    if not flags_of(kind) & _HEAP_TYPE or kind_of(kind) not in (type, ABCMeta):
        return False
    is_other = issubclass(kind, _LEFT_ALONE)
    return not is_other and shape_of(kind) is None


def _says_async(kind: type) -> bool:
    statics = [one for base in mro_of(kind) for one in namespace_of(base).values()]
    said = [hints_of(getter).get("return") for one in statics if (getter := _getter_of(one))]
    return any(is_class(one) and nature_of(one) in WITH_TWINS for one in said + statics)


def _getter_of(static: Any) -> Any:
    if isinstance(static, functools.cached_property):
        return static.func
    return static.fget if isinstance(static, property) else None
