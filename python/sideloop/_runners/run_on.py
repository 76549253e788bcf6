"""Run on: a call to a loop that somebody else runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from sideloop._runners.options import GRACE
from sideloop._sideloop import call_name, check_async_fn, run_as_guest

P = ParamSpec("P")
T = TypeVar("T")


def run_on(
    loop: asyncio.AbstractEventLoop,
    async_fn: Callable[P, Awaitable[T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call an async function on a loop that somebody else runs, and return what it returns.

    Blocks the calling thread. `async_fn` is called on the thread that runs `loop`, in a copy of the
    caller's context. `sideloop.timeout` and Ctrl-C cancel the task, which gets 5 seconds to unwind,
    as in `run_sync`. The loop is neither stopped nor closed.

    Args:
        loop: An asyncio event loop of any kind that another thread runs, or is about to.
        async_fn: Any callable that returns an awaitable.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments: none is taken for sideloop.

    Returns:
        The awaited value.

    Raises:
        BaseException: Whatever the function raised: the same object, with its traceback.
        TypeError: `loop` is no event loop, or `async_fn` no async function.
        TimeoutError: The call did not end within a `sideloop.timeout` in force.
        DeadlockError: The caller runs on this very loop, or on one for which it waits, through any
            chain of calls.
        RuntimeError: The loop is closed.
        LoopStoppedError: The loop was closed under the call, or did not run for 5 seconds.
        RunnerClosedError: The loop is a runner's, which was closed under the call.

    >>> import asyncio, threading, sideloop
    >>> loop = asyncio.new_event_loop()
    >>> thread = threading.Thread(target=loop.run_forever)
    >>> thread.start()
    >>> sideloop.run_on(loop, asyncio.sleep, 0, result="slept")
    'slept'
    >>> _ = loop.call_soon_threadsafe(loop.stop)
    >>> thread.join()
    >>> loop.close()
    """
    check_async_fn(async_fn)
    # What is passed need not be what the signature says.
    if not isinstance(loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"expected an event loop, got {type(loop).__name__}: pass the loop and then the async "
            f"function, as in run_on(loop, async_fn, a, b=1)"
        )
    if loop.is_closed():
        raise RuntimeError(
            f"{call_name(async_fn)} was not started: the event loop {loop!r} is closed; make a new "
            f"one and run it on another thread, or use sideloop.run_sync, which has one of its own"
        )
    return run_as_guest(loop, GRACE, async_fn, args, kwargs)
