"""The event loop: asyncio's selector loop with its scheduling in Rust."""

import asyncio
import inspect
import selectors
from asyncio import base_events, format_helpers
from asyncio.log import logger
from typing import Any

from sideloop._sideloop import LoopCore

StandardLoop = asyncio.SelectorEventLoop
"""What the Rust half falls back to, whatever asyncio's names are made to mean later."""

# Since CPython 3.13 the text of a callback shows its arguments only in debug mode.
_TEXT_TAKES_DEBUG = "debug" in inspect.signature(format_helpers._format_callback_source).parameters


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop whose scheduling runs in Rust.

    A drop-in for `asyncio.SelectorEventLoop`: transports, TLS, subprocesses, signals, executors and
    debug mode are asyncio's own.

    Args:
        selector: What to wait with. `selectors.EpollSelector` is polled natively, any other one through
            its own `select`.

    >>> import asyncio, sideloop
    >>> async def main() -> str:
    ...     return type(asyncio.get_running_loop()).__name__
    >>> loop = sideloop.new_event_loop()
    >>> loop.run_until_complete(main())
    'EventLoop'
    >>> loop.close()
    """

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)


def new_event_loop() -> EventLoop:
    """A new `EventLoop`, for whatever takes a loop factory. Does not set the current loop."""
    return EventLoop()


def report_callback_error(
    loop: asyncio.AbstractEventLoop, handle: asyncio.Handle, error: BaseException
) -> None:
    """Tell the loop's exception handler what a callback raised, as `asyncio.Handle` does."""
    debug = {"debug": loop.get_debug()} if _TEXT_TAKES_DEBUG else {}
    text = format_helpers._format_callback_source(handle._callback, handle._args, **debug)
    context: dict[str, Any] = {
        "message": f"Exception in callback {text}",
        "exception": error,
        "handle": handle,
    }
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    loop.call_exception_handler(context)


def run_watched(loop: Any, handle: asyncio.Handle) -> None:
    """Run a handle in debug mode: a callback that blocks the loop for long is logged."""
    if handle.cancelled():
        return
    loop._current_handle = handle
    try:
        started = loop.time()
        handle._run()
        took = loop.time() - started
        if took >= loop.slow_callback_duration:
            text = base_events._format_handle(handle)
            logger.warning("Executing %s took %.3f seconds", text, took)
    finally:
        loop._current_handle = None
