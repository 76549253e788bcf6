"""Bridge: what code of others needs of a loop, to have its own bridge done by this one."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

# For the extension, and not at first use: see `event_loop.py`.
import sideloop._runners.handed  # noqa: F401  # pyright: ignore[reportUnusedImport]
from sideloop._loops.loop import Loop
from sideloop._runners.plain import check_sync_fn, run_here, run_plain
from sideloop._sideloop import Handed, Router

P = ParamSpec("P")
T = TypeVar("T")


class Bridge:
    """What managers and runners have beside their calls of async functions."""

    _router: Router

    def _find(self, async_fn: Callable[..., object]) -> tuple[object, Loop]:
        """The loop that serves the calling thread, and what keeps it open while that is held."""
        raise NotImplementedError

    def _runs_here(self) -> bool:
        """Whether the calling thread runs that loop, just now."""
        return False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that a call made here would run on. Started, if need be.

        It is replaced when user code stops it, when it is stuck, and in a fork's child: ask again
        rather than keep it. From other threads only `call_soon_threadsafe` of it may be called. A
        loop that the caller drives turns only during calls.

        Raises:
            RunnerClosedError: The runner is closed.

        >>> import asyncio, sideloop
        >>> with sideloop.Runner() as runner:
        ...     future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "slept"), runner.loop)
        ...     future.result(timeout=5)
        'slept'
        """
        return self._find(_the_loop)[1].loop

    @property
    def thread(self) -> threading.Thread:
        """The thread that runs `loop`: its own, or that which drives it. Started, if need be.

        A process that gevent or eventlet has patched has greenlets for threads. There it is an
        object with `ident`, `is_alive()` and `join(timeout)`.

        Raises:
            RunnerClosedError: The runner is closed.
            RuntimeError: The thread that drives the loop has ended.

        >>> import sideloop
        >>> with sideloop.Runner(name="example") as runner:
        ...     runner.thread.name
        'example'
        """
        return self._find(_the_thread)[1].thread

    def run_awaitable(self, awaitable: Awaitable[T], /) -> T:
        """Await what the caller has made, on the loop, and return what comes of it.

        As a call of an async function: blocks the calling thread, and a time limit or Ctrl-C
        cancels what is awaited. A coroutine runs in a copy of the caller's context. One that is not
        begun, whatever the reason, is closed, so that no "never awaited" warning comes of it.

        Prefer `run` and `run_sync`, which call the function on the loop thread: what it does before
        its first `await` needs the running loop, often.

        Args:
            awaitable: A coroutine object, a future or task of this loop, or any object that can be
                awaited.

        Raises:
            BaseException: Whatever it raises: the same object, with its traceback.
            TypeError: It cannot be awaited: an async function that was not called, for example.
            RuntimeError: It is a future or task of another loop.
            DeadlockError: The caller runs on this very loop, or on one for which it waits.
            BaseException: What else a call raises.

        >>> import asyncio, sideloop
        >>> with sideloop.Runner() as runner:
        ...     runner.run_awaitable(asyncio.sleep(0, result="slept"))
        'slept'
        """
        handed = Handed(awaitable)
        try:
            return self._router.run(handed, (), {})
        finally:
            handed.close()
            # A future would keep itself in a cycle, through its exception's traceback.
            del awaitable, handed

    def run_function(self, sync_fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a sync function on the loop thread and return what it returns.

        For what asks for the running loop, or belongs to its thread: making a future, a lock, a
        transport; setting an event. Blocks the calling thread until it has returned, and all else
        on the loop as well. `sync_fn` runs in a task, in a copy of the caller's context. It cannot
        be cancelled; one that blocks for longer than a time limit and the grace is left behind,
        with the loop. On the loop thread itself it is called directly.

        Args:
            sync_fn: Any callable. What it returns is returned as it is.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments: none is taken for sideloop.

        Raises:
            BaseException: Whatever the function raised: the same object, with its traceback.
            TypeError: `sync_fn` cannot be called, or is an async function.
            BaseException: What else a call raises.

        >>> import asyncio, sideloop
        >>> with sideloop.Runner() as runner:
        ...     task = runner.run_function(asyncio.ensure_future, asyncio.sleep(0, "slept"))
        ...     runner.run_awaitable(task)
        'slept'
        """
        check_sync_fn(sync_fn)
        if self._runs_here():
            return run_here(sync_fn, args, kwargs)
        return run_plain(self._router, sync_fn, args, kwargs)


def _the_loop() -> None: ...


def _the_thread() -> None: ...


# What messages call them.
_the_loop.__module__ = _the_thread.__module__ = "sideloop"
_the_loop.__qualname__ = "Runner.loop"
_the_thread.__qualname__ = "Runner.thread"
