"""Drop-in for the loops of `asgiref.sync.async_to_sync`, which Django calls async code with.

    from sideloop.compat import asgiref

    asgiref.install()

Before or after asgiref is imported. The page "Move in" says what changes.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, TypeVar

from sideloop._manager.manager import LoopManager
from sideloop._sideloop import Handed
from sideloop.compat._drop_in import DropIn

T = TypeVar("T")

_manager = LoopManager(name="asgiref")

_bridge = threading.local()
"""As `future` what the calling thread's outermost bridge waits for, or has waited for last."""


def install() -> None:
    """Have `async_to_sync` use a loop that its thread keeps, where it made one for each call.

    `sync_to_async` stays asgiref's, with its rules for threads: while a call waits, what is
    sensitive to threads runs on the thread that has called.

    Raises:
        RuntimeError: asgiref is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Give asgiref its own loops back. Idempotent. Calls that are under way end."""
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module

    class _Executor(ThreadPoolExecutor):
        """An executor, as asgiref makes one for a loop, or for what is sensitive to threads.

        It starts no thread before it has work. Of a block that wants one thread for all calls it
        is as any other. So it is of a bridge below another one of its thread: asgiref notes for
        each loop which of them waits, and so no loop can have two.
        """

        def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
            """Run a function on the executor's thread; where that is `asyncio.run`, a runner."""
            kept = theirs.AsyncToSync.context_to_thread_executor.values()
            below = getattr(_bridge, "future", None)
            is_nested = below is not None and not below.done()
            if fn is not asyncio.run or is_nested or any(executor is self for executor in kept):
                return super().submit(fn, *args, **kwargs)
            handed: Handed[Any] = Handed(args[0])
            try:
                _bridge.future = submitted = _manager.submit(handed)
                return submitted
            except BaseException:
                handed.close()
                raise

    return {"ThreadPoolExecutor": _Executor}


_drop_in = DropIn(
    "asgiref",
    "asgiref.sync",
    {
        "async_to_sync": "(awaitable=None, *, force_new_loop=False)",
        "AsyncToSync": "(class)",
        "ThreadPoolExecutor": "(class)",
    },
    "3.9 to 3.13",
    _replace,
    elsewhere=False,
)
