"""This process: what was patched, which loops there are, and how its children start."""

import asyncio
import asyncio.events
import gc
import multiprocessing
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._loops.loop import live


@dataclass(frozen=True)
class StartMethod:
    """How multiprocessing starts children."""

    name: str
    is_default: bool
    """Whether nobody has set it yet."""


@dataclass(frozen=True)
class Patch:
    """Names of the standard library that somebody has replaced."""

    by: str
    """The package that has replaced them."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class LiveLoop:
    """An event loop that is not closed."""

    kind: str
    """Its class."""

    runs: bool
    thread: str | None
    """The name of the thread that runs it, if that shows."""

    started_by: str | None
    """The module of the first function on that thread that is not Python's own, if there is one."""

    is_sideloops: bool


@dataclass(frozen=True)
class Process:
    """What is live in this process."""

    start_method: StartMethod
    policy: str | None
    """The class of the event loop policy, if it is not asyncio's own."""

    patches: tuple[Patch, ...]
    loops: tuple[LiveLoop, ...]


def process() -> Process:
    """Look at this process. Changes nothing in it, and makes no loop."""
    return Process(_start_method(), _policy(), tuple(_patches()), tuple(_loops()))


def _start_method() -> StartMethod:
    # typeshed does not know that it may be None.
    chosen: Any = multiprocessing.get_start_method(allow_none=True)
    # The first of all is the default.
    return StartMethod(chosen or multiprocessing.get_all_start_methods()[0], chosen is None)


def _policy() -> str | None:
    # Not by asyncio.get_event_loop_policy: that makes one, and warns since 3.14.
    policy: Any = getattr(asyncio.events, "_event_loop_policy", None)
    kind = _class_of(policy)
    return None if policy is None or kind.startswith("asyncio.") else kind


# What was patched.


_PATCHED_OFTEN = (
    "asyncio",
    "_thread",
    "threading",
    "time",
    "socket",
    "select",
    "selectors",
    "os",
    "signal",
    "ssl",
    "subprocess",
    "queue",
)
"""Modules of which bridges depend, with those below them."""

_CLASSES = (asyncio.AbstractEventLoop, asyncio.Future, asyncio.Task, threading.Thread)
"""Classes of which they do; with their subclasses in these modules."""


def _patches() -> Iterator[Patch]:
    found: dict[str, list[str]] = {}
    for name, module in sorted(sys.modules.items()):
        # Anything can be put into sys.modules.
        if name.partition(".")[0] in _PATCHED_OFTEN and isinstance(module, ModuleType):  # pyright: ignore[reportUnnecessaryIsInstance]
            for place, by in _replaced_in(name, module):
                found.setdefault(by, []).append(place)
    for by, names in sorted(found.items()):
        yield Patch(by, tuple(names))


def _replaced_in(name: str, module: ModuleType) -> Iterator[tuple[str, str]]:
    """What of a module is not Python's, and whose it is."""
    for attribute, value in sorted(vars(module).items()):
        by = _stranger(value)
        if by is not None:
            yield f"{name}.{attribute}", by
        elif is_class(value) and value.__module__ == name and issubclass(value, _CLASSES):
            methods: Mapping[str, Any] = value.__dict__
            for method, function in sorted(methods.items()):
                by = _stranger(function)
                if by is not None:
                    yield f"{name}.{attribute}.{method}", by


def _stranger(value: object) -> str | None:
    """The package that a function or class comes from, if that is not of the standard library."""
    found = _origin(value)
    return None if found in sys.stdlib_module_names else found


def _origin(value: object) -> str | None:
    """The package of a function or class."""
    if isinstance(value, FunctionType):
        # Not __module__, which functools.wraps takes from what it replaces.
        module = value.__globals__.get("__name__")
    elif isinstance(value, type | BuiltinFunctionType):
        module = value.__module__
    else:
        return None
    # A class that is made by a call need not know its module: CPython 3.10 then says "<unknown>".
    package = module.partition(".")[0] if isinstance(module, str) else ""
    return package if package.isidentifier() else None


# Loops.


def _loops() -> Iterator[LiveLoop]:
    ours = {id(one.loop) for one in live}
    for loop in gc.get_objects():
        # By its type: proxies say that they are what they stand for, or raise.
        if not issubclass(type(loop), asyncio.AbstractEventLoop):
            continue
        try:
            closed, runs = loop.is_closed(), loop.is_running()
        except Exception:  # half made, or a test's double
            continue
        if closed:
            continue
        thread, frame = _thread_of(loop) if runs else (None, None)
        yield LiveLoop(_class_of(loop), runs, thread, _started_by(frame), id(loop) in ours)


def _thread_of(loop: Any) -> tuple[str | None, FrameType | None]:
    """The name of the thread that runs a loop, and what that thread does."""
    ident = getattr(loop, "_thread_id", None)  # uvloop's loops have none that shows
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
    for thread in threading.enumerate():
        if thread.ident is not None and thread.ident == ident:
            return thread.name, frames.get(thread.ident)
    return None, None


def _started_by(frame: FrameType | None) -> str | None:
    """The outermost function of a thread that is not of the standard library."""
    found: str | None = None
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if isinstance(module, str) and module.partition(".")[0] not in sys.stdlib_module_names:
            found = module
        frame = frame.f_back
    return found


def _class_of(value: object) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
