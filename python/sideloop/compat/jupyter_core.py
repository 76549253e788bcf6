"""Drop-in for `jupyter_core.utils.run_sync`, in which jupyter_client and nbclient wrap methods.

    from sideloop.compat import jupyter_core

    jupyter_core.install()

Before or after jupyter_core is imported. The page "Move in" says what changes.
"""

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from sideloop._loops.hubs import hubs
from sideloop._manager.manager import LoopManager
from sideloop._runners.drive import drive
from sideloop.compat._drop_in import DropIn

P = ParamSpec("P")
T = TypeVar("T")

_manager = LoopManager(name="jupyter")


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
            loop: asyncio.AbstractEventLoop = theirs.ensure_event_loop()
            if loop.is_running():
                # Another thread's, of which this one has the context.
                return _manager.run_sync(coro, *args, **kwargs)
            return drive(loop, coro, *args, **kwargs)

        return wrapped

    return {"run_sync": run_sync, "_TaskRunner": _TaskRunner, "_runner_map": _Runners()}


_drop_in = DropIn(
    "jupyter_core",
    "jupyter_core.utils",
    {"run_sync": "(coro)", "_TaskRunner": "(class)", "_runner_map": "(dict)"},
    "5.7 to 5.9",
    _replace,
)
