"""The form of an async callable: what it hands out, and so what its twin does with that."""

import builtins
import enum
import functools
import inspect
import re
import types
import typing
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


class Form(enum.Enum):
    """What a call of it gives, other than a value."""

    AWAITED = "an awaitable"
    ITERATED = "an async generator or iterator"
    ENTERED = "an async context manager"


class Made:
    """As an async function: a coroutine that is there already."""

    # A signal handler may raise while one is made, and it is collected all the same.
    _coroutine: Coroutine[Any, Any, Any] | None = None
    _taken = False

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self.__qualname__: str = getattr(coroutine, "__qualname__", "")

    def __call__(self) -> Coroutine[Any, Any, Any]:
        assert self._coroutine is not None, "was half made"
        self._taken = True
        return self._coroutine

    def __del__(self) -> None:
        # Of a call that was refused. Nobody can await it any more.
        if self._coroutine is not None and not self._taken:
            self._coroutine.close()


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


def is_function(static: object) -> bool:
    """Whether an attribute of a class is a function of some kind."""
    return isinstance(static, types.FunctionType | classmethod | staticmethod)


def form_of(async_fn: object) -> Form | None:
    """The form of a callable, or None where nothing shows that it is async.

    What it is comes before what it says: a `def` that returns an awaitable may be annotated so.
    """
    function = _function(async_fn)
    if inspect.iscoroutinefunction(function):
        return Form.AWAITED
    if inspect.isasyncgenfunction(function):
        return Form.ITERATED
    if getattr(function, "__code__", None) is _ENTERED_CODE:
        return Form.ENTERED
    return _SAID.get(_said(function))


def form_behind(async_fn: object) -> Form | None:
    """The same, also of what a decorator has put its own function around.

    That one is likely to pass on what it gets. It need not: it may be somebody's sync twin of it.
    """
    while (form := form_of(async_fn)) is None:
        if (async_fn := getattr(_function(async_fn), "__wrapped__", None)) is None:
            return None
    return form


def is_sync(sync_fn: object) -> bool:
    """Whether it is plain that a call gives a value: nothing can be awaited then."""
    function = _function(sync_fn)
    if inspect.isgeneratorfunction(function):
        return True
    if isinstance(function, types.BuiltinFunctionType) and function.__self__ is builtins:
        return function is not anext
    return not hasattr(function, "__wrapped__") and _said(function) in _VALUES


def _function(async_fn: object) -> Any:
    """What a callable runs in the end: of a partial, a bound method, an object with `__call__`."""
    while isinstance(async_fn, functools.partial):
        async_fn = async_fn.func
    inside: Any = getattr(async_fn, "__func__", None)
    if inside is not None and (inspect.ismethod(async_fn) or is_function(async_fn)):
        return _function(inside)
    if not isinstance(async_fn, type) and not inspect.isroutine(async_fn):
        return type(async_fn).__call__ if callable(async_fn) else async_fn
    return async_fn


def _said(function: object) -> str:
    """The name in the return annotation: `AsyncIterator` of `"typing.AsyncIterator[int]"`."""
    try:
        annotations = getattr(function, "__annotations__", None)
    except NameError:  # from CPython 3.14 on they are evaluated when asked for
        return ""
    if not isinstance(annotations, dict) or "return" not in annotations:
        return ""
    said = typing.cast("dict[str, object]", annotations)["return"]
    if isinstance(said, str):
        found = re.match(r"[\w.]+(?=\[|$)", said.strip("'\" "))
        return found[0].rpartition(".")[2] if found else ""
    if said is None:
        return "None"
    return getattr(typing.get_origin(said) or said, "__name__", "")
