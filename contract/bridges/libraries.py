"""The libraries, each called as its documentation says."""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from functools import cache, partial
from typing import Any

from bridges.library import Call, Library


@contextmanager
def _anyio() -> Iterator[Call]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        yield lambda async_fn, *args: portal.call(partial(async_fn, *args))


@contextmanager
def _asgiref() -> Iterator[Call]:
    from asgiref.sync import async_to_sync

    yield lambda async_fn, *args: async_to_sync(async_fn)(*args)


@contextmanager
def _distributed() -> Iterator[Call]:
    from distributed.utils import LoopRunner, sync

    runner = LoopRunner()
    runner.start()
    try:
        yield lambda async_fn, *args: sync(runner.loop, async_fn, *args)
    finally:
        runner.stop()


@contextmanager
def _flyte() -> Iterator[Call]:
    from flyte.syncify import syncify

    wrapped: Callable[..., Any] = cache(syncify)
    yield lambda async_fn, *args: wrapped(async_fn)(*args)


@contextmanager
def _flytekit() -> Iterator[Call]:
    import sys

    # Importing flytekit sets up logging and replaces `sys.excepthook`, and it may print.
    excepthook = sys.excepthook
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            from flytekit.utils import asyn
    finally:
        sys.excepthook = excepthook
    yield lambda async_fn, *args: asyn.run_sync(async_fn, *args)


@contextmanager
def _fsspec() -> Iterator[Call]:
    from fsspec.asyn import get_loop, sync

    yield lambda async_fn, *args: sync(get_loop(), async_fn, *args)


@contextmanager
def _jupyter_core() -> Iterator[Call]:
    from jupyter_core.utils import run_sync

    wrapped: Callable[..., Any] = cache(run_sync)
    yield lambda async_fn, *args: wrapped(async_fn)(*args)


@contextmanager
def _nest_asyncio() -> Iterator[Call]:
    import nest_asyncio

    nest_asyncio.apply()
    yield lambda async_fn, *args: asyncio.get_running_loop().run_until_complete(async_fn(*args))


@contextmanager
def _synchronicity() -> Iterator[Call]:
    from synchronicity import Synchronizer

    wrapped: Callable[..., Any] = cache(Synchronizer().create_blocking)
    yield lambda async_fn, *args: wrapped(async_fn)(*args)


@contextmanager
def _unsync() -> Iterator[Call]:
    from unsync import unsync

    wrapped: Callable[..., Any] = cache(unsync)
    yield lambda async_fn, *args: wrapped(async_fn)(*args).result()


@contextmanager
def _zarr() -> Iterator[Call]:
    from zarr.core.sync import sync

    yield lambda async_fn, *args: sync(async_fn(*args))


def under_a_running_loop(ask: Callable[[], Any]) -> Any:
    """Call it where a loop runs, as a cell of a notebook is.

    Not by `asyncio.run`, which takes Ctrl-C for itself.
    """

    async def cell() -> Any:
        return ask()

    with closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(cell())


LIBRARIES = (
    Library("anyio", "anyio", "anyio", _anyio),
    Library("asgiref", "asgiref", "asgiref", _asgiref),
    Library("distributed", "distributed", "distributed", _distributed),
    Library("flyte", "flyte", "flyte", _flyte),
    Library("flytekit", "flytekit", "flytekit", _flytekit, environment=".venv-peers"),
    Library("fsspec", "fsspec", "fsspec", _fsspec),
    Library("jupyter_core", "jupyter_core", "jupyter_core", _jupyter_core),
    Library(
        "jupyter_core, in a notebook",
        "jupyter_core",
        "jupyter_core",
        _jupyter_core,
        under_a_running_loop,
    ),
    Library("nest_asyncio", "nest-asyncio", "nest_asyncio", _nest_asyncio, under_a_running_loop),
    Library("synchronicity", "synchronicity", "synchronicity", _synchronicity),
    Library("unsync", "unsync", "unsync", _unsync),
    Library("zarr", "zarr", "zarr", _zarr),
)


def library_of(name: str) -> Library:
    """The one of this name."""
    (found,) = [library for library in LIBRARIES if library.name == name]
    return found
