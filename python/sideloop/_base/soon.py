"""Have an event loop do something soon, from any thread."""

import asyncio
from collections.abc import Callable
from typing import Any


def call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> bool:
    """Have a loop call this in its thread; False if the loop has been closed.

    Does not work: to suppress the RuntimeError that a closed one raises. On the main thread a
    signal handler may raise one as well.
    """
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
        return False
    return True
