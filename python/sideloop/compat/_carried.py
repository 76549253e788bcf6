"""What a task of one loop awaits on another, that of a library, as on its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sideloop._base.errors import host_gone_error
from sideloop._runners.run_on import Served
from sideloop._sideloop import call_name
from sideloop._twins.passage import Answer
from sideloop.compat._io_thread import PATIENCE

T = TypeVar("T")


async def carried(
    loop: asyncio.AbstractEventLoop, async_fn: Callable[[], Awaitable[T]], answer: Answer
) -> T:
    """Call it on that loop, in a copy of the context. A cancellation goes there, and is waited for.

    Args:
        loop: Not the one that runs here.
        async_fn: Called there.
        answer: A new one, which knows afterwards what has become of it.

    Raises:
        DeadlockError: The loop waits for who would await this.
        LoopStoppedError: The loop was closed.
    """
    core = Served(loop, PATIENCE).by(async_fn).core
    core.check_not_waited_for(asyncio.current_task(), async_fn)
    if not core.submit(async_fn, (), {}, answer) or not await answer.ended():
        raise host_gone_error(repr(loop), call_name(async_fn), "was closed")
    found: T = answer.unwrap()
    return found
