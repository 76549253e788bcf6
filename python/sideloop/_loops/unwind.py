"""Unwind a loop: cancel what is left on it, and let it run its cleanup."""

import asyncio
import threading
import time
import weakref
from collections.abc import Coroutine
from typing import Any

from sideloop._base.errors import logger
from sideloop._sideloop import RunnerCore

_forgotten: "weakref.WeakSet[asyncio.Future[Any]]" = weakref.WeakSet()


def unwind(loop: asyncio.AbstractEventLoop, core: RunnerCore, grace: float) -> None:
    """Cancel what is left on a loop that runs no more, and turn it until that has unwound.

    Blocks for `grace` seconds at most, and runs the tasks' cleanup on the calling thread. A task
    that ignores its cancellation is named in a log warning, unless its caller has left it behind
    before.
    """
    end = time.monotonic() + grace
    for task in core.abandoned_tasks():
        task.cancel()
        forget(task)
    complete(loop, cancel_leftovers(grace))
    complete(loop, asyncio.wait_for(loop.shutdown_asyncgens(), max(end - time.monotonic(), 0.1)))


async def cancel_leftovers(grace: float) -> None:
    """Cancel the other tasks of this loop; name and forget those that go on after `grace`."""
    own = asyncio.current_task()
    tasks = {task for task in asyncio.all_tasks() if task is not own and task not in _forgotten}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=grace)
    for task in tasks:
        if not task.done():
            logger.warning("%r ignored its cancellation and was left behind", task)
            forget(task)


def complete(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine with a time limit of its own to its end, whatever the others raise."""
    task = loop.create_task(coro)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except KeyboardInterrupt:
            # On the main thread it is Ctrl-C, and whoever waits there waits no longer.
            if threading.current_thread() is threading.main_thread():
                raise
        except BaseException:  # a task may stop the loop again, or exit again: go on
            pass
    if not task.cancelled():
        task.exception()  # seen: a time limit that is over is no news


def forget(task: "asyncio.Future[Any]") -> None:
    """It was named, and will not be again: not by us, nor by asyncio when it is collected."""
    _forgotten.add(task)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
