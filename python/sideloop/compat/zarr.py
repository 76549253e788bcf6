"""Drop-in for the bridge of zarr 3, `zarr.core.sync`.

    from sideloop.compat import zarr

    zarr.install()

Before or after zarr is imported. The page "Move in" says what changes.
"""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from types import ModuleType
from typing import Any, TypeVar

from sideloop._runners.runner import Runner
from sideloop._sideloop import Handed
from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import IoThread, run_there, runs_here

T = TypeVar("T")

_io_thread = IoThread("zarr_io")


def install(runner: Runner | None = None) -> None:
    """Have zarr's arrays and groups run on sideloop. Idempotent.

    Args:
        runner: Runs them; without it one of their own does, named `zarr_io`. A loop that zarr has
            started before stays theirs, since stores that are open belong to it.

    Raises:
        RuntimeError: zarr is not as the drop-in knows it. Nothing is changed then.
    """
    _io_thread.use(runner)
    _drop_in.install()


def uninstall() -> None:
    """Give zarr its own bridge back. Idempotent.

    The loop stays, and with it the stores that are open; calls that are under way end.
    """
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    loops: list[asyncio.AbstractEventLoop | None] = theirs.loop
    threads: list[threading.Thread | None] = theirs.iothread

    def _get_loop() -> asyncio.AbstractEventLoop:
        """The loop of zarr's stores: that of a `sideloop.Runner`."""
        return _io_thread.loop(loops, threads)

    def sync(
        coro: Coroutine[Any, Any, T],
        loop: asyncio.AbstractEventLoop | None = None,
        timeout: float | None = None,
    ) -> T:
        """Await a coroutine on a loop that another thread runs, and return what it returns.

        Raises:
            TimeoutError: It did not end within the timeout, and was cancelled.
            SyncError: The calling thread runs this very loop.
            RuntimeError: The loop is closed.
        """
        try:
            handed = Handed(coro)
        except TypeError:
            # As the original, which asks this first.
            if runs_here(_get_loop() if loop is None else loop):
                raise theirs.SyncError("Calling sync() from within a running loop") from None
            raise
        try:
            if loop is None:
                loop = _get_loop()
            if theirs._executor is None and theirs.config.get("threading.max_workers", None):
                theirs._get_executor()  # which the loop's threads come from
            if not isinstance(loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"loop cannot be of type {type(loop)}")
            if loop.is_closed():
                raise RuntimeError("Loop is not running")
            if runs_here(loop):
                raise theirs.SyncError("Calling sync() from within a running loop")
            return run_there(loop, handed, (), {}, timeout)
        finally:
            handed.close()
            del coro, handed

    def cleanup_resources() -> None:
        """End the threads for zarr's codecs. The loop ends with all of sideloop's."""
        executor, theirs._executor = theirs._executor, None
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)
        loops[0] = threads[0] = None

    return {"_get_loop": _get_loop, "sync": sync, "cleanup_resources": cleanup_resources}


def _at_exit(module: ModuleType) -> None:
    """What cleans up at exit is what the module has now."""
    theirs: Any = module
    for cleanup in _cleanups:
        atexit.unregister(cleanup)
    _cleanups[:] = [theirs.cleanup_resources]
    atexit.register(theirs.cleanup_resources)


_cleanups: list[Any] = []


def _exchange_at_exit(module: ModuleType) -> None:
    _cleanups.append(_drop_in.original("cleanup_resources"))
    _at_exit(module)


_drop_in = DropIn(
    "zarr",
    "zarr.core.sync",
    {
        "_get_loop": "()",
        "_get_executor": "()",
        "sync": "(coro, loop=None, timeout=None)",
        "cleanup_resources": "()",
        "SyncError": "(class)",
    },
    "3.0.8 to 3.4",
    _replace,
    put_in=_exchange_at_exit,
    taken_out=_at_exit,
)
