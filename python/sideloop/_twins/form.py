"""The form of an async callable: what it hands out, and so what its twin does with that."""

import asyncio
import builtins
import enum
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from sideloop._base.classes import is_class
from sideloop._base.lazy import imported
from sideloop._base.signature import annotations_of
from sideloop._twins.code import is_plain_code


class Form(enum.Enum):
    """What a call of it gives, other than a value."""

    AWAITED = "an awaitable"
    ITERATED = "an async generator or iterator"
    ENTERED = "an async context manager"


class Made:
    """As an async function: a coroutine that is there already, or another awaitable."""

    # A signal handler may raise while one is made, and it is collected all the same.
    _awaitable: Awaitable[Any] | None = None
    _taken = False

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable
        # As errors and tasks name it.
        frame = getattr(awaitable, "cr_frame", None)
        kind = type(awaitable)
        self.__module__ = frame.f_globals.get("__name__", "") if frame else kind.__module__
        self.__qualname__: str = getattr(awaitable, "__qualname__", kind.__qualname__)

    def __call__(self) -> Awaitable[Any]:
        assert self._awaitable is not None, "was half made"
        self._taken = True
        return self._awaitable

    def __del__(self) -> None:
        # Of a call that was refused. Nobody can await it any more.
        unused: Any = self._awaitable
        if not self._taken and type(unused) is types.CoroutineType:
            unused.close()


_SAID = {
    "Awaitable": Form.AWAITED,
    "Coroutine": Form.AWAITED,
    "AsyncGenerator": Form.ITERATED,
    "AsyncIterable": Form.ITERATED,
    "AsyncIterator": Form.ITERATED,
    "AbstractAsyncContextManager": Form.ENTERED,
    "AsyncContextManager": Form.ENTERED,
}

_VALUES = frozenset(
    ("None", "NoneType", "bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str")
)


@asynccontextmanager
async def _entered() -> AsyncGenerator[None, None]:
    yield


_ENTERED_CODE: object = getattr(_entered, "__code__", None)


_FUNCTIONS = (
    types.FunctionType,
    classmethod,
    staticmethod,
    functools.partialmethod,
    functools.singledispatchmethod,
)


def is_function(static: object) -> bool:
    """Whether an attribute of a class is a function of some kind."""
    return isinstance(static, _FUNCTIONS)


def is_dispatched(static: object) -> bool:
    """Whether which function is called depends on the arguments, and so whether it is async."""
    return isinstance(static, functools.singledispatchmethod)


def form_of(async_fn: object) -> Form | None:
    """The form of a callable, or None where nothing shows that it is async.

    What it is comes before what it says: a `def` that returns an awaitable may be annotated so.
    """
    function = function_behind(async_fn)
    if inspect.iscoroutinefunction(function):
        return Form.AWAITED
    if inspect.isasyncgenfunction(function):
        return Form.ITERATED
    if getattr(function, "__code__", None) is _ENTERED_CODE:
        return Form.ENTERED
    said = _said(function)
    if said in ("Future", "Task") and _returns_future(function):
        return Form.AWAITED
    return _SAID.get(said)


def form_behind(async_fn: object) -> Form | None:
    """The same, also of what a decorator has put its own function around.

    That one is likely to pass on what it gets. It need not: it may be somebody's sync twin of it.
    """
    while (form := form_of(async_fn)) is None:
        if (async_fn := getattr(function_behind(async_fn), "__wrapped__", None)) is None:
            return None
    return form


def is_sync(sync_fn: object) -> bool:
    """Whether nothing shows that a call gives an awaitable: not what it is, not what it says."""
    function = function_behind(sync_fn)
    if inspect.isgeneratorfunction(function):
        return True
    if isinstance(function, types.BuiltinFunctionType) and function.__self__ is builtins:
        return function is not anext
    if hasattr(function, "__wrapped__"):
        return False
    return _said(function) in _VALUES or (not _said(function) and is_plain_code(function))


_PARTIAL: tuple[Any, ...] = (
    functools.partial,
    functools.partialmethod,
    functools.singledispatchmethod,
)


def function_behind(async_fn: Any) -> Any:
    """What a callable runs in the end: of a partial, a bound method, an object with `__call__`."""
    while isinstance(async_fn, _PARTIAL):
        async_fn = async_fn.func
    if isinstance(async_fn, types.FunctionType):
        # Of a class, a partialmethod is a function. Until CPython 3.12 it had the second name.
        marks = vars(async_fn)
        method = marks.get("__partialmethod__") or marks.get("_partialmethod")
        if isinstance(method, functools.partialmethod):
            return function_behind(method)
    inside: Any = getattr(async_fn, "__func__", None)
    if inside is not None and (inspect.ismethod(async_fn) or is_function(async_fn)):
        return function_behind(inside)
    if not is_class(async_fn) and not inspect.isroutine(async_fn):
        return type(async_fn).__call__ if callable(async_fn) else async_fn
    return async_fn


def _said(function: object) -> str:
    """The name in the return annotation: `AsyncIterator` of `"typing.AsyncIterator[int]"`."""
    said = _returned(function)
    if said is inspect.Signature.empty:
        return ""
    if isinstance(said, str):
        found = re.match(r"[\w.]+(?=\[|$)", said.strip("'\" "))
        return found[0].rpartition(".")[2] if found else ""
    if said is None:
        return "None"
    return getattr(typing.get_origin(said) or said, "__name__", "")


def _returned(function: object) -> Any:
    """The return annotation, or `Signature.empty`."""
    annotations = annotations_of(function)
    if not isinstance(annotations, dict):
        return inspect.Signature.empty
    return typing.cast("dict[str, Any]", annotations).get("return", inspect.Signature.empty)


def _returns_future(function: object) -> bool:
    """Whether an annotation means a future of asyncio's: others have these names too."""
    said = _returned(function)
    if isinstance(said, str):
        first, *rest = re.findall(r"\w+", said.strip("'\" ").partition("[")[0])
        try:
            said = imported(getattr(function, "__globals__", {}).get(first, sys.modules.get(first)))
        except ImportError:  # only type checkers find it
            return False
        for name in rest:
            said = getattr(said, name, None)
    found = typing.get_origin(said) or said
    return is_class(found) and issubclass(found, asyncio.Future)
