"""An errand: a sync function that async code has its caller run, the thread that waits for it."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from sideloop._sideloop import Errand, ask_caller

P = ParamSpec("P")
T = TypeVar("T")


class Asked(asyncio.Future[Any]):
    """What an errand comes to, where there is no interpreter lock.

    The caller asks whether it is given up, and of asyncio's own only its loop's thread may ask.
    """

    given_up = False

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, and say so first."""
        if not self.done():
            self.given_up = True
        return super().cancel(msg)


async def run_on_caller(sync_fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Have the caller run a sync function: the thread that waits for this very call.

    To be awaited by the code of a call, in whichever task. The caller stops waiting for as long as
    the function takes, and the loop goes on (with `drive="caller"` the caller runs the loop, which
    stands still meanwhile). So what belongs to that thread can be used: a connection of a
    database that is kept for each thread, a `threading.local`, a window.

    The function is called as if the caller's code called it where it has called `run_sync`: no
    event loop of sideloop's runs there. It sees a copy of the awaiting task's context. It may call
    `run_sync`. With nested calls it is the nearest one whose caller is meant. The functions that
    one call asks for run one after the other.

    A task that is cancelled before the function was called takes it back; after that it goes on at
    once, and what the function comes to is dropped. In a `map`, or where items are read ahead, the
    function waits until the caller takes the next item.

    Import it at the top of a module, `from sideloop import run_on_caller`: calls note who waits for
    them from then on. In a call that had begun before, only the call's own task finds its caller at
    first; and so it is in a `Runner(context=...)`, whose calls share one context.

    Args:
        sync_fn: Any callable that is not async.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments: none is taken for sideloop.

    Returns:
        What it returns.

    Raises:
        BaseException: Whatever the function raised: the same object, with its traceback.
        RuntimeError: There is no caller that waits: this is no call, it was submitted, it has
            ended (and this is a task that it has left behind), its caller has left it after a time
            limit or Ctrl-C, or a worker of a map's executor runs it; or the function was cut off by
            a signal handler, or by what was thrown into the greenlet that ran it, and the caller
            gets that. Who is cancelled with the call gets CancelledError instead.

    >>> import threading
    >>> from sideloop import run_on_caller, run_sync
    >>> async def who_waits() -> str:
    ...     thread = await run_on_caller(threading.current_thread)
    ...     return thread.name
    >>> run_sync(who_waits) == threading.current_thread().name
    True
    """
    # What is passed need not be what the signature says.
    if not callable(sync_fn):
        raise TypeError(
            f"expected a sync function, got {type(sync_fn).__name__}: pass the function and its "
            f"arguments, as in run_on_caller(sync_fn, a, b=1)"
        )
    while True:
        errand = ask_caller(sync_fn, args, kwargs)
        if not isinstance(errand, Errand):
            await errand  # until somebody waits
            continue
        try:
            found: T = await errand.future
            if not errand.refused:
                return found
        finally:
            errand.withdraw()
            del errand  # the exception in its future holds this frame, which would make a cycle
