"""Drop-in for fsspec's bridge, `fsspec.asyn.sync`: all file systems of fsspec, s3fs and gcsfs.

    from sideloop.compat import fsspec

    fsspec.install()

Before or after fsspec is imported, and what is built on it. The page "Move in" says what changes.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from sideloop._runners.runner import Runner
from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import IoThread, run_there, runs_here

T = TypeVar("T")

_io_thread = IoThread("fsspecIO")


def install(runner: Runner | None = None) -> None:
    """Have fsspec's file systems run on sideloop. Idempotent.

    Args:
        runner: Runs them; without it one of their own does, named `fsspecIO`. A loop that fsspec
            has started before stays theirs, since file systems that are there belong to it.

    Raises:
        RuntimeError: fsspec is not as the drop-in knows it. Nothing is changed then.
    """
    _io_thread.use(runner)
    _drop_in.install()


def uninstall() -> None:
    """Give fsspec its own bridge back. Idempotent.

    The loop stays, and with it the file systems that are there; calls that are under way end.
    """
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    asyn: Any = module
    timeout_error: type[Exception] = asyn.FSTimeoutError
    loops: list[asyncio.AbstractEventLoop | None] = asyn.loop
    threads: list[threading.Thread | None] = asyn.iothread

    def get_loop() -> asyncio.AbstractEventLoop:
        """The loop of fsspec's file systems: that of a `sideloop.Runner`."""
        return _io_thread.loop(loops, threads)

    def sync(
        loop: asyncio.AbstractEventLoop | None,
        func: Callable[..., Awaitable[T]],
        *args: Any,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> T:
        """Call an async function on a loop that another thread runs, and return what it returns.

        Raises:
            FSTimeoutError: It did not end within the timeout, and was cancelled.
            NotImplementedError: The calling thread runs this very loop.
            RuntimeError: The loop is closed.
        """
        if loop is None or loop.is_closed():
            raise RuntimeError("Loop is not running")
        if runs_here(loop):
            raise NotImplementedError("Calling sync() from within a running loop")
        try:
            return run_there(loop, func, args, kwargs, timeout or None)
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise timeout_error from error

    return {"get_loop": get_loop, "sync": sync}


_drop_in = DropIn(
    "fsspec",
    "fsspec.asyn",
    {
        "get_loop": "()",
        "sync": "(loop, func, *args, timeout=None, **kwargs)",
        "FSTimeoutError": "(class)",
    },
    "2023.1 to 2026.9",
    _replace,
)
