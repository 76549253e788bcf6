"""Nesting: async code that calls sync code that calls async code, by every bridge that is compared.

Each peer yields a call, as in `_peers.py`, of which the async function calls sync code that calls
the next one through the same bridge, three deep. Two bridges have no way from a running loop but
through a worker thread that the async code awaits: they are measured as that, under a name that
says so, since the async code has to be written for it.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"
# Any peer may be absent where this is type-checked, and not all of them ship types.

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from _measure import Call
from _peers import ANSWER, Peer, Thread, flytekit_run_sync

DEPTH = 3

RunSync = Callable[..., Any]


def nested(run_sync: RunSync) -> Call:
    """Return a call three deep, given how the bridge calls an async function with arguments."""

    async def level(left: int) -> int:
        if left == 1:
            return ANSWER
        answer: int = run_sync(level, left - 1)
        return answer

    return lambda: run_sync(level, DEPTH)


@contextmanager
def _sideloop() -> Iterator[Call]:
    from sideloop import run_sync

    yield nested(run_sync)


@contextmanager
def _driven() -> Iterator[Call]:
    from sideloop import LoopManager

    with closing(LoopManager(drive="caller")) as manager:
        yield nested(manager.run_sync)


@contextmanager
def _flytekit() -> Iterator[Call]:
    yield nested(flytekit_run_sync())


@contextmanager
def _run_coroutine_threadsafe() -> Iterator[Call]:
    loop = asyncio.new_event_loop()
    # A daemon: one that is blocked by a call that waits for itself cannot be stopped.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield nested(lambda fn, n: asyncio.run_coroutine_threadsafe(fn(n), loop).result())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _asgiref() -> Iterator[Call]:
    from asgiref.sync import async_to_sync

    yield nested(lambda fn, n: async_to_sync(fn)(n))


@contextmanager
def _asgiref_by_worker() -> Iterator[Call]:
    from asgiref.sync import async_to_sync, sync_to_async

    async def level(left: int) -> int:
        if left == 1:
            return ANSWER
        answer: int = await sync_to_async(async_to_sync(level))(left - 1)
        return answer

    yield lambda: async_to_sync(level)(DEPTH)


@contextmanager
def _anyio() -> Iterator[Call]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        yield nested(portal.call)


@contextmanager
def _anyio_by_worker() -> Iterator[Call]:
    from anyio import from_thread, to_thread

    async def level(left: int) -> int:
        if left == 1:
            return ANSWER
        answer: int = await to_thread.run_sync(from_thread.run, level, left - 1)
        return answer

    with from_thread.start_blocking_portal() as portal:
        yield lambda: portal.call(level, DEPTH)


@contextmanager
def _fsspec() -> Iterator[Call]:
    from fsspec.asyn import get_loop, sync

    yield nested(functools.partial(sync, get_loop()))


@contextmanager
def _synchronicity() -> Iterator[Call]:
    from synchronicity import Synchronizer

    # Once for each function, as a decorator is.
    wrap = functools.cache(Synchronizer().wrap)
    yield nested(lambda fn, n: wrap(fn)(n))


@contextmanager
def _run_until_complete() -> Iterator[Call]:
    loop = asyncio.new_event_loop()
    try:
        yield nested(lambda fn, n: loop.run_until_complete(fn(n)))
    finally:
        loop.close()


SIDELOOP = Peer("sideloop.run_sync", "sideloop", Thread.OTHER, _sideloop)
FLYTEKIT = Peer("flytekit.utils.asyn.run_sync", "flytekit", Thread.OTHER, _flytekit)

NESTED = (
    SIDELOOP,
    Peer('sideloop, drive="caller"', "sideloop", Thread.OWN, _driven),
    FLYTEKIT,
    Peer("asyncio.run_coroutine_threadsafe", None, Thread.OTHER, _run_coroutine_threadsafe),
    Peer("asgiref async_to_sync", "asgiref", Thread.OTHER, _asgiref),
    Peer("asgiref, by sync_to_async", "asgiref", Thread.OTHER, _asgiref_by_worker),
    Peer("anyio portal.call", "anyio", Thread.OTHER, _anyio),
    Peer("anyio, by to_thread", "anyio", Thread.OTHER, _anyio_by_worker),
    Peer("fsspec.asyn.sync", "fsspec", Thread.OTHER, _fsspec),
    Peer("synchronicity wrap", "synchronicity", Thread.OTHER, _synchronicity),
    Peer("loop.run_until_complete", None, Thread.OWN, _run_until_complete),
)
