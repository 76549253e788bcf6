"""The nature of a class: what sync code could do with its objects, if it got them as they are."""

import asyncio
import enum
import inspect
import types
from collections.abc import Coroutine
from typing import Any

from sideloop._base.classes import is_class
from sideloop._twins.annotation import hints_of
from sideloop._twins.by_class import ByClass, flags_of, mro_of, namespace_of
from sideloop._twins.form import form_behind
from sideloop._twins.static import is_async, is_special, needs_loop

_OPENING = ("__aenter__", "__aiter__", "__anext__")
_ASYNC = (*_OPENING, "__await__")
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, mostly
_MARKS = ("a", "async_")
_FOREIGN = ("unittest.mock",)


class Nature(enum.Enum):
    """What has to be awaited of an object, other than its value."""

    SYNC = "nothing"
    PENDING = "itself, once: a coroutine, a future, a task"
    AWAITABLE = "itself, and nothing else of it"
    OPENED = "that it is entered, or iterated"
    ASYNC = "its methods"


WITH_TWINS = (Nature.AWAITABLE, Nature.OPENED, Nature.ASYNC)

_known: ByClass[Nature] = ByClass()


def nature_of(kind: type) -> Nature:
    """The nature of a class."""
    found = _known.get(kind)
    if found is None:
        found = _nature(kind)
        _known.keep(kind, found)
    return found


def has_async(kind: type) -> bool:
    """Whether a class, or one that it is derived from, has anything async."""
    return any(
        name in _ASYNC or is_async(static) or (not is_special(name) and needs_loop(static))
        for base in mro_of(kind)
        for name, static in namespace_of(base).items()
    )


def is_pending(said: Any) -> bool:
    """Whether an annotation says a class of futures, or that of coroutines."""
    if said is Coroutine:
        return True
    return is_class(said) and nature_of(said) is Nature.PENDING


def has_twins(kind: type) -> bool:
    """Whether objects of a class have twins, where those of all async classes have."""
    return nature_of(kind) in WITH_TWINS


def opens(kind: type) -> bool:
    """Whether objects of a class can be entered or iterated, as async code does that."""
    if nature_of(kind) not in (Nature.OPENED, Nature.ASYNC):
        return False
    return any(name in namespace_of(base) for base in mro_of(kind) for name in _OPENING)


def is_call(kind: type) -> bool:
    """Whether an object of a class is a call that may be awaited or entered, and nothing else."""
    if nature_of(kind) is not Nature.OPENED:
        return False
    names = {name for base in mro_of(kind) for name in namespace_of(base)}
    return "__await__" in names and not names & {"__aiter__", "__anext__"}


def makes_async(function: Any) -> bool:
    """Whether a `def` returns objects of async classes, as what it says or its code shows."""
    if not isinstance(function, types.FunctionType):
        return False
    said = hints_of(function).get("return", inspect.Parameter.empty)
    if said is not inspect.Parameter.empty:
        return is_class(said) and has_twins(said)
    found = (function.__globals__.get(name) for name in function.__code__.co_names)
    return any(is_class(one) and has_twins(one) for one in found)


def _nature(kind: type) -> Nature:
    names = {name: static for base in reversed(mro_of(kind)) for name, static in _own(base)}
    if _is_left_alone(kind, names):
        return Nature.SYNC
    if "_asyncio_future_blocking" in names or ("__await__" in names and _is_built_in(kind)):
        return Nature.PENDING
    methods = [name for name, static in names.items() if is_method(name, static)]
    if methods:
        return Nature.SYNC if all(_has_sync_one(name, names) for name in methods) else Nature.ASYNC
    if any(names.get(name) is not None for name in _OPENING):
        return Nature.SYNC if _opens_for_sync(kind) else Nature.OPENED
    return Nature.AWAITABLE if names.get("__await__") is not None else Nature.SYNC


def _opens_for_sync(kind: type) -> bool:
    """Whether sync code can open what async code can.

    An async class that is derived from a sync one has only inherited how that is opened.
    """
    for base in mro_of(kind):
        names = namespace_of(base)
        if "__enter__" in names or "__iter__" in names:
            return True
        if any(name in names for name in _OPENING):
            return False
    return False


def is_method(name: str, static: Any) -> bool:
    """Whether it is something async that users of a class call."""
    if name == "__call__":
        return form_behind(static) is not None
    return not name.startswith("_") and is_async(static)


def _own(base: Any) -> Any:
    return namespace_of(base).items()


def _is_left_alone(kind: Any, names: dict[str, Any]) -> bool:
    """Whether sync code is to have the very object: a loop, an error, a class, a test's mock."""
    if issubclass(kind, BaseException | asyncio.AbstractEventLoop | type):
        return True
    return "__sideloop_twin__" in names or any(base.__module__ in _FOREIGN for base in mro_of(kind))


def _is_built_in(kind: type) -> bool:
    return not flags_of(kind) & _HEAP_TYPE or issubclass(kind, types.CoroutineType)


def _has_sync_one(name: str, names: dict[str, Any]) -> bool:
    """Whether sync code has a method of its own beside an async one: `read` beside `aread`."""
    if name.endswith("_async"):
        return name[: -len("_async")] in names
    for mark in _MARKS:
        rest = name[len(mark) :]
        if name.startswith(mark) and (rest in names or f"sync_{rest}" in names):
            return True
    return False
