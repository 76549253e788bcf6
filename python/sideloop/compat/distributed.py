"""Drop-in for the bridge of dask.distributed, `distributed.utils.sync`: clients and clusters.

    from sideloop.compat import distributed

    distributed.install()

Before or after distributed is imported. The page "Move in" says what changes.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any, TypeVar

from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import run_there, runs_here

T = TypeVar("T")


def install() -> None:
    """Have the sync methods of clients and clusters wait by sideloop. Idempotent.

    Their loops stay distributed's own.

    Raises:
        RuntimeError: distributed is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Give distributed its own bridge back. Idempotent. Calls that are under way end."""
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module

    def sync(
        loop: Any,
        func: Callable[..., Awaitable[T]],
        *args: Any,
        callback_timeout: str | float | timedelta | None = None,
        **kwargs: Any,
    ) -> T:
        """Call an async function on a loop that another thread runs, and return what it returns.

        Raises:
            TimeoutError: It did not end within the timeout, and was cancelled.
            RuntimeError: The loop is closed, or the calling thread runs it.
        """
        seconds: float | None = theirs._parse_timedelta(callback_timeout, "s")
        if loop.asyncio_loop.is_closed():
            raise RuntimeError("IOLoop is closed")
        if runs_here(loop.asyncio_loop):
            raise RuntimeError("sync() called from thread of running loop")
        return run_there(loop.asyncio_loop, func, args, kwargs, seconds)

    return {"sync": sync}


_drop_in = DropIn(
    "distributed",
    "distributed.utils",
    {
        "sync": "(loop, func, *args, callback_timeout=None, **kwargs)",
        "_parse_timedelta": "(s, default='seconds')",
    },
    "2023.1 to 2026.8",
    _replace,
)
