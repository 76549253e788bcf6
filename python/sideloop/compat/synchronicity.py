"""Drop-in for the loops of synchronicity, which what a `Synchronizer` has wrapped runs on.

    from sideloop.compat import synchronicity

    synchronicity.install()

Before or after synchronicity is imported, and Modal's client or another that is wrapped by it.
The page "Move in" says what changes.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from sideloop._runners.run_on import SubmitOn
from sideloop._runners.runner import Runner
from sideloop._sideloop import Handed
from sideloop._twins.passage import Answer
from sideloop.compat._carried import carried
from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import PATIENCE, run_there

Future = concurrent.futures.Future


def install() -> None:
    """Have each synchronizer run on a runner of its own. Idempotent.

    A loop that a synchronizer has started before stays its own, since objects that are there belong
    to it.

    Raises:
        RuntimeError: synchronicity is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Give synchronicity its own bridge back. Idempotent.

    The loops stay, and with them the objects that are there; calls that are under way end.
    """
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    their_get_loop = theirs.Synchronizer._get_loop
    their_close_loop = theirs.Synchronizer._close_loop

    def _get_loop(self: Any, start: bool = False) -> asyncio.AbstractEventLoop | None:
        """The synchronizer's loop: a runner's, unless it has started one itself."""
        if start:
            return _start_loop(self)
        found: asyncio.AbstractEventLoop | None
        found = their_get_loop(self) if _has_own(self) else self._loop
        return found

    def _start_loop(self: Any) -> asyncio.AbstractEventLoop:
        """The same, started if need be."""
        found: asyncio.AbstractEventLoop
        found = their_get_loop(self, True) if _has_own(self) else _serve(self)
        return found

    def _close_loop(self: Any) -> None:
        """End it. The next call has a new one."""
        runner: Runner | None = self.__dict__.pop(_RUNNER, None)
        if runner is None:
            their_close_loop(self)
            return
        self._thread = self._loop = self._owner_pid = None
        runner.close()

    def wrapped(self: Any, coro: Coroutine[Any, Any, Any], original_func: Any) -> "_Wrapped":
        outer = theirs.wrap_coro_exception(coro)
        return _Wrapped(original_func, coro, outer, self._wrap_check_async_leakage(outer))

    def _run_function_sync(self: Any, coro: Coroutine[Any, Any, Any], original_func: Any) -> Any:
        """Have the loop await a coroutine, and return what it returns."""
        handed = wrapped(self, coro, original_func)
        try:
            if self._is_inside_loop():
                raise Exception(
                    "Deadlock detected: calling a sync function from the synchronizer loop"
                )
            running = asyncio._get_running_loop()
            if running is not None and self._blocking_in_async_callback is not None:
                self._blocking_in_async_callback(original_func)
            value = run_there(_start_loop(self), handed, (), {}, None)
        except asyncio.CancelledError:
            raise concurrent.futures.CancelledError from None
        finally:
            handed.close()
        return _translated(self, value, original_func)

    def _run_function_sync_future(
        self: Any, coro: Coroutine[Any, Any, Any], original_func: Any
    ) -> "Future[Any]":
        """Have the loop await a coroutine. The future of what it returns."""
        handed = wrapped(self, coro, original_func)
        bare = handed.within(theirs.unwrap_coro_exception)
        handed = bare.within(
            functools.partial(self._translate_coro_out, original_func=original_func)
        )
        try:
            future = SubmitOn(_start_loop(self), PATIENCE)(handed)
        except BaseException:
            handed.close()
            raise
        future.add_done_callback(lambda _: handed.close())
        return future

    async def _run_function_async(
        self: Any, coro: Coroutine[Any, Any, Any], original_func: Any
    ) -> Any:
        """Await a coroutine on the loop, from whichever loop this runs on."""
        handed = wrapped(self, coro, original_func)
        try:
            loop = await self._get_loop_async()
            if self._is_inside_loop():
                value = await handed()
            else:
                answer = Answer()
                value = await carried(loop, handed, answer)
                if answer.asked_to_cancel:
                    raise asyncio.CancelledError  # though the coroutine has not heard it, as theirs
        finally:
            handed.close()
        return _translated(self, value, original_func)

    return {
        "Synchronizer._get_loop": _get_loop,
        "Synchronizer._start_loop": _start_loop,
        "Synchronizer._close_loop": _close_loop,
        "Synchronizer._run_function_sync": _run_function_sync,
        "Synchronizer._run_function_sync_future": _run_function_sync_future,
        "Synchronizer._run_function_async": _run_function_async,
    }


_RUNNER = "_sideloop_runner"


def _has_own(synchronizer: Any) -> bool:
    """Whether it has started a loop itself."""
    return _RUNNER not in vars(synchronizer) and synchronizer._thread is not None


def _serve(synchronizer: Any) -> asyncio.AbstractEventLoop:
    """The loop of its runner, which may be a new one."""
    with synchronizer._loop_creation_lock:
        runner: Runner | None = synchronizer.__dict__.get(_RUNNER)
        if runner is None:
            runner = synchronizer.__dict__[_RUNNER] = Runner(name="synchronizer")
        loop = runner.loop
        if loop is not synchronizer._loop:
            # For its own methods, also when these are in place again.
            synchronizer._loop, synchronizer._thread = loop, runner.thread
            synchronizer._owner_pid = os.getpid()
            synchronizer._stopping = SimpleNamespace(set=loop.stop)
    return loop


def _translated(synchronizer: Any, value: Any, original_func: Any) -> Any:
    if getattr(original_func, synchronizer._output_translation_attr, True):
        return synchronizer._translate_out(value)
    return value


class _Wrapped(Handed[Any]):
    """A coroutine inside of those that synchronicity makes of it.

    As long as the outermost has not begun none of them has, and `close` closes all.
    """

    _layers: tuple[Coroutine[Any, Any, Any], ...]

    def __new__(cls, func: Any, *layers: Coroutine[Any, Any, Any]) -> "_Wrapped":
        """A call of `func`, whose coroutine is the first of these."""
        self = super().__new__(cls, layers[-1], func)
        self._layers = layers
        return self

    def within(self, wrapper: Callable[[Any], Coroutine[Any, Any, Any]]) -> "_Wrapped":
        """The same, inside of one more."""
        return _Wrapped(self.func, *self._layers, wrapper(self._layers[-1]))

    def close(self) -> None:
        """The call is over, or was refused."""
        for layer in reversed(self._layers):
            if inspect.getcoroutinestate(layer) != inspect.CORO_CREATED:
                return
            layer.close()


def _hide(module: ModuleType) -> None:
    """Synchronicity leaves frames of its own out of tracebacks, and ours now, too."""
    _hidden(module).append(_FRAMES)


def _show(module: ModuleType) -> None:
    _hidden(module).remove(_FRAMES)


_FRAMES = Path(__file__).parents[1]


def _hidden(module: ModuleType) -> list[Path]:
    exceptions: Any = sys.modules[f"{module.__name__.rpartition('.')[0]}.exceptions"]
    roots: list[Path] = exceptions._skip_module_roots
    return roots


_drop_in = DropIn(
    "synchronicity",
    "synchronicity.synchronizer",
    {
        "Synchronizer": "(class)",
        "Synchronizer._get_loop": "(self, start=False)",
        "Synchronizer._get_loop_async": "(self)",
        "Synchronizer._start_loop": "(self)",
        "Synchronizer._close_loop": "(self)",
        "Synchronizer._is_inside_loop": "(self)",
        "Synchronizer._run_function_sync": "(self, coro, original_func)",
        "Synchronizer._run_function_sync_future": "(self, coro, original_func)",
        "Synchronizer._run_function_async": "(self, coro, original_func)",
        "Synchronizer._wrap_check_async_leakage": "(self, coro)",
        "Synchronizer._translate_out": "(self, obj, interface=None)",
        "Synchronizer._translate_coro_out": "(self, coro, original_func)",
        "wrap_coro_exception": "(coro)",
        "unwrap_coro_exception": "(coro)",
    },
    "0.12",
    _replace,
    put_in=_hide,
    taken_out=_show,
)
