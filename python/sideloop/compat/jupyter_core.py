"""Drop-in for `jupyter_core.utils.run_sync`, in which jupyter_client and nbclient wrap methods.

    from sideloop.compat import jupyter_core

    jupyter_core.install()

Before or after jupyter_core is imported. The page "Move in" says what changes.

A thread's own loop, that of `ensure_event_loop`, is one that its caller drives, where jupyter_core
would make one.
"""

import asyncio
import contextlib
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from sideloop._loops.hubs import hubs
from sideloop._manager.manager import LoopManager
from sideloop._runners.drive import drive
from sideloop._sideloop import generation
from sideloop.compat._drop_in import DropIn

P = ParamSpec("P")
T = TypeVar("T")

_manager = LoopManager(name="jupyter")
"""For calls where a loop runs."""

_own_manager = LoopManager(name="jupyter", drive="caller")
"""For those on the thread's own loop."""


class _Own(threading.local):
    """The loop that was made for this thread, and the process that it is of: no fork's child."""

    loop: asyncio.AbstractEventLoop | None = None
    generation: int | None = None


_own = _Own()


def install() -> None:
    """Have `run_sync` of jupyter_core run on sideloop. Idempotent.

    What was wrapped before, by modules that were imported already, runs on sideloop where a loop
    runs in the calling thread, and else as before.

    Raises:
        RuntimeError: jupyter_core is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Give jupyter_core its own bridge back. Idempotent. What was wrapped meanwhile stays ours."""
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


class _TaskRunner:
    """What runs coroutines for the functions that the original has wrapped."""

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Await it where a call from this thread would run."""
        return _manager.run_awaitable(coro)


class _Runners(dict[str, _TaskRunner]):
    """One for each thread, which finds that by itself: so any name will do."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> _TaskRunner:
        return _TaskRunner()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    kept: ContextVar[asyncio.AbstractEventLoop | None] = theirs._loop

    def ensure_event_loop(prefer_selector_loop: bool = False) -> asyncio.AbstractEventLoop:  # noqa: ARG001  # ours select
        """The loop that runs here, or else the context's, or else one of this thread's.

        That is sideloop's, and the thread drives it by its calls; by hand it runs as any other.
        """
        loop = kept.get()
        if loop is None or loop.is_closed() or (loop is _own.loop and _is_stale()):
            running = asyncio._get_running_loop()
            loop = _make_own() if running is None else running
            kept.set(loop)
        return loop

    def run_sync(coro: Callable[P, Awaitable[T]]) -> Callable[P, T]:
        """Wrap an async function in one that blocks until it has ended.

        It runs on the thread's own loop, that of `ensure_event_loop`, which the caller turns; where
        a loop runs in this thread already, on one of sideloop's.
        """
        assert inspect.iscoroutinefunction(coro)

        @functools.wraps(coro)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            if asyncio._get_running_loop() is not None or hubs() is not None:
                return _manager.run_sync(coro, *args, **kwargs)
            loop = ensure_event_loop()
            if loop is _own.loop:
                return _own_manager.run_sync(coro, *args, **kwargs)
            if loop.is_running():
                # Another thread's, of which this one has the context.
                return _manager.run_sync(coro, *args, **kwargs)
            return drive(loop, coro, *args, **kwargs)

        return wrapped

    return {
        "ensure_event_loop": ensure_event_loop,
        "run_sync": run_sync,
        "_TaskRunner": _TaskRunner,
        "_runner_map": _Runners(),
    }


def _make_own() -> asyncio.AbstractEventLoop:
    if hubs() is None:
        _own.loop = loop = _own_manager.loop
        _own.generation = generation()
    else:
        loop = asyncio.new_event_loop()  # all greenlets of the thread would drive it
    asyncio.set_event_loop(loop)
    return loop


def _is_stale() -> bool:
    """It is of the process that has forked this one."""
    return _own.generation != generation()


_drop_in = DropIn(
    "jupyter_core",
    "jupyter_core.utils",
    {
        "ensure_event_loop": "(prefer_selector_loop=False)",
        "_loop": "(ContextVar)",
        "run_sync": "(coro)",
        "_TaskRunner": "(class)",
        "_runner_map": "(dict)",
    },
    "5.7 to 5.9",
    _replace,
)
