"""How the loop of a runner is made."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, NamedTuple

# The extension asks for these by their names. Not when it first does: a signal handler or a
# finalizer that calls in the middle of that import would find half a module.
from sideloop._loops import (  # noqa: F401
    foreign_future,  # pyright: ignore[reportUnusedImport]
    importing,  # pyright: ignore[reportUnusedImport]
    mismatch,  # pyright: ignore[reportUnusedImport]
    task_factory,  # pyright: ignore[reportUnusedImport]
)
from sideloop._loops.event_loop import EventLoop
from sideloop._loops.system import LOOPS_OF

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Namer = Callable[[Callable[..., Any]], str]


class LoopOptions(NamedTuple):
    """How to make a runner's loop."""

    factory: LoopFactory | None
    debug: bool | None
    exception_handler: ExceptionHandler | None
    namer: Namer | None = None


def make_loop(loop_factory: LoopFactory | None) -> asyncio.AbstractEventLoop:
    """The loop for a runner: ours, or what the factory makes."""
    if loop_factory is None:
        if LOOPS_OF != "win32":
            return EventLoop()
        # A loop of Windows' own kind serves subprocesses, which a selector loop does not there.
        # What wakes it would keep what its maker has in its context.
        return contextvars.Context().run(asyncio.new_event_loop)
    loop = loop_factory()
    # What a function returns need not be what it says.
    if not isinstance(loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"loop_factory returned {type(loop).__name__}, not an event loop: pass a function "
            f"such as asyncio.new_event_loop"
        )
    if loop.is_closed() or loop.is_running():
        state = "closed" if loop.is_closed() else "running"
        raise RuntimeError(
            f"loop_factory returned a loop that is already {state}: it has to make a new one each "
            f"time"
        )
    return loop


def prepare_loop(loop: asyncio.AbstractEventLoop, options: LoopOptions) -> None:
    """Set on a new loop what the runner was asked for."""
    if options.debug is not None:
        loop.set_debug(options.debug)
    if options.exception_handler is not None:
        loop.set_exception_handler(options.exception_handler)
