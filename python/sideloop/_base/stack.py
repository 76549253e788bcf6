"""Where a thread is, and what a task awaits: for errors, reports and dumps."""

import asyncio
import functools
import os.path
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterable
from typing import Any

from sideloop._sideloop import current_frames, stack_of, standing_at

# By hand: importing pathlib takes longer than sideloop.
_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # noqa: PTH118, PTH120
"""The folder of this package. Ends with a separator: others may begin with its name."""

_NAMES = {
    types.CoroutineType: ("cr_frame", "cr_await"),
    types.GeneratorType: ("gi_frame", "gi_yieldfrom"),
    types.AsyncGeneratorType: ("ag_frame", "ag_await"),
}

MOST_CHILDREN = 8
"""How many of the tasks that are gathered are shown."""


def thread_name(ident: int) -> str:
    """What a thread is called, by its ident."""
    for thread in threading.enumerate():
        if thread.ident == ident:
            return thread.name
    return f"{ident}, which has ended or is not Python's"


def frames_of(ident: int) -> list[traceback.FrameSummary]:
    """A thread's stack in user code, outermost first."""
    frame = current_frames().get(ident)
    if frame is None:
        return []
    if _has_lock():
        walked = traceback.StackSummary.extract(traceback.walk_stack(frame))
    else:
        walked = traceback.StackSummary.from_list([_at(*place) for place in stack_of(frame)])
    return [found for found in reversed(walked) if _is_users(found.filename)]


def _has_lock() -> bool:
    """Whether whoever looks at a frame is all that runs meanwhile."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return asked is None or bool(asked())


def _at(code: types.CodeType, line: int) -> traceback.FrameSummary:
    return traceback.FrameSummary(code.co_filename, line, code.co_name)


def _is_users(file: str) -> bool:
    return not file.startswith(_PACKAGE) and file not in _below()


@functools.cache
def _below() -> frozenset[str | None]:
    """The files through which a thread comes to user code, or in which a loop waits or wakes."""
    # When it is asked for: what is imported lazily is there by then, and what Windows alone has.
    parts = ["base_events", "events", "runners", "selector_events"]
    parts += ["proactor_events", "windows_events"]
    names = ("selectors", "threading", *(f"asyncio.{part}" for part in parts))
    return frozenset(sys.modules[name].__file__ for name in names if name in sys.modules)


def warn_user(message: str) -> None:
    """Warn of the line in user code that the calling thread is at."""
    frame: types.FrameType | None = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None and not _is_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return
    known = frame.f_globals
    warnings.warn_explicit(
        message,
        RuntimeWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        known.get("__name__"),
        known.setdefault("__warningregistry__", {}),
    )


def site_of(ident: int) -> str:
    """The line at which a thread is, in user code."""
    frames = frames_of(ident)
    if not frames:
        return "an unknown line"
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}()"


def formatted(frames: Iterable[traceback.FrameSummary]) -> list[str]:
    """Frames as a traceback shows them, line by line."""
    blocks = traceback.format_list(list(frames))
    return [line for block in blocks for line in block.splitlines()]


def indented(lines: Iterable[str]) -> list[str]:
    """Lines, moved in by two columns."""
    return [f"  {line}" for line in lines]


def await_chain(future: "asyncio.Future[Any]") -> list[str]:
    """What a task awaits, line by line: coroutines with file and line, tasks, futures.

    Of a task that runs just now there is no more to tell than its own line: the stack of its
    loop's thread goes on from there.
    """
    lines: list[str] = []
    seen: set[int] = set()
    while isinstance(future, asyncio.Task) and id(future) not in seen:
        seen.add(id(future))
        lines += formatted(_coroutine_frames(future.get_coro()))
        awaited: asyncio.Future[Any] | None = getattr(future, "_fut_waiter", None)
        if awaited is None:
            break
        lines.append(f"  awaits {_described(awaited)}")
        children: list[asyncio.Future[Any]] = getattr(awaited, "_children", [])
        pending = [child for child in children if not child.done()]
        for child in pending[:MOST_CHILDREN]:
            lines.append(f"  gathers {_described(child)}")
            lines += indented(await_chain(child))
        if len(pending) > MOST_CHILDREN:
            lines.append(f"  gathers {len(pending) - MOST_CHILDREN} more")
        future = awaited
    return lines


def _described(future: "asyncio.Future[Any]") -> str:
    if isinstance(future, asyncio.Task):
        return f"task {future.get_name()!r}"
    return f"a {type(future).__name__} that is {'done' if future.done() else 'pending'}"


def _coroutine_frames(awaited: Any) -> list[traceback.FrameSummary]:
    """The frames of a coroutine and of what it awaits, as far as that is written in Python."""
    frames: list[traceback.FrameSummary] = []
    while awaited is not None:
        kind: Any = type(awaited)  # pyright: ignore[reportUnknownVariableType]
        names = _NAMES.get(kind)
        if names is not None and not _has_lock():
            found = standing_at(awaited, names)
            if found is None:
                break
            place, awaited = found
            frames.append(_at(*place))
            continue
        for prefix, inner in (("cr_", "await"), ("gi_", "yieldfrom"), ("ag_", "await")):
            frame = getattr(awaited, f"{prefix}frame", None)
            if frame is not None:
                code = frame.f_code
                summary = traceback.FrameSummary(code.co_filename, frame.f_lineno, code.co_name)
                frames.append(summary)
                awaited = getattr(awaited, prefix + inner)
                break
        else:
            break
    return frames
