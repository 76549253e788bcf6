"""Mismatch: a thing of one loop is awaited on another, and the error does not say on which."""

import asyncio
import inspect
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from sideloop._loops.loop import live

_BEGINNING = "sideloop: "
_MOST_FRAMES = 4
_MOST_VALUES = 64


def explain(
    error: BaseException, traceback: TracebackType | None, running: asyncio.AbstractEventLoop
) -> None:
    """Note on the error which loops it is about, and what to write."""
    frames = list(_frames(traceback))[: -_MOST_FRAMES - 1 : -1]
    other = next(
        (loop for frame in frames for loop in _loops_in(frame) if loop is not running), None
    )
    note = (
        f"awaited on {_described(running)}, and belongs to "
        f"{'another loop' if other is None else _described(other)}. run_sync and the twins of "
        f"functions have a loop for each thread. What threads share can be an object of a twin "
        f"class, synced(YourClass), whose calls all run on the loop that made it; or use one loop "
        f'for all threads, LoopManager(scope="process"); or make one for each loop'
    )
    note_on(error, note)


def note_on(error: BaseException, said: str) -> None:
    """Note on an error of somebody's what to write.

    Once, also where it passes through several calls. CPython 3.10 has no notes: there it is the
    message of the cause.
    """
    note = f"{_BEGINNING}{said}"
    add_note: Any = getattr(error, "add_note", None)
    if add_note is None:
        _give_cause(error, note)
    elif not any(str(known).startswith(_BEGINNING) for known in getattr(error, "__notes__", ())):
        add_note(note)


def _give_cause(error: BaseException, note: str) -> None:
    seen = {id(error)}
    while error.__cause__ is not None and id(error.__cause__) not in seen:
        error = error.__cause__
        seen.add(id(error))
    if error.args and str(error.args[0]).startswith(_BEGINNING):
        return
    cause = RuntimeError(note)
    # A cause hides the context, which is shown behind it then.
    cause.__context__ = error.__context__
    error.__cause__ = cause


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _loops_in(frame: FrameType) -> Iterator[asyncio.AbstractEventLoop]:
    """The loops of what a frame has in its variables, and one step further."""
    for value in list(frame.f_locals.values())[:_MOST_VALUES]:
        try:
            inside: Any = object.__getattribute__(value, "__dict__")
            further = list(inside.values())[:_MOST_VALUES]
        except AttributeError:
            further = []
        for one in (value, *further):
            if (loop := _loop_of(one)) is not None:
                yield loop


def _loop_of(value: object) -> asyncio.AbstractEventLoop | None:
    if isinstance(value, asyncio.Future):
        return value.get_loop()
    # Not `getattr`, which may be the user's code.
    found = inspect.getattr_static(value, "_loop", None)
    return found if isinstance(found, asyncio.AbstractEventLoop) else None


def _described(loop: asyncio.AbstractEventLoop) -> str:
    name = next((one.core.name for one in list(live) if one.loop is loop), None)
    return repr(loop) if name is None else f"the loop of runner {name!r}"
