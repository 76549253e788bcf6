"""asgiref's thread-sensitive code in a call: it runs on the caller's thread.

`sync_to_async(thread_sensitive=True)`, which is what Django's async methods use, asks
`AsyncToSync.executors.current` for an executor that runs code on the thread of the nearest sync
caller. asgiref's own `async_to_sync` sets it; here it is answered for calls of sideloop's. Which of
the two is nearer is told by the thread that asgiref's own executor serves: if that is the one that
waits for the call, or has gone to use an answer of the map and comes back, it cannot serve now.

Nothing here is loaded before somebody has imported asgiref.
"""

import asyncio
import concurrent.futures
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

# The extension finds a class there.
import sideloop._runners.errand  # noqa: F401  # pyright: ignore[reportUnusedImport]
from sideloop._base.signals import is_of_a_handler
from sideloop._sideloop import (
    IN_ERRAND,
    Errand,
    ask_caller,
    caller_here,
    inside_variable,
    use_errands,
)

T = TypeVar("T")


def install(asgiref: ModuleType) -> bool:
    """Answer for calls of sideloop's from here on. False while the module is being imported.

    One that is unlike what is known is left as it is.
    """
    if not hasattr(asgiref, "sync_to_async"):
        return False
    bridge, code = getattr(asgiref, "AsyncToSync", None), getattr(asgiref, "SyncToAsync", None)
    executors, noted = getattr(bridge, "executors", None), getattr(code, "threadlocal", None)
    if executors is not None and noted is not None and not isinstance(executors, Executors):
        setattr(bridge, "executors", Executors(executors, CallerExecutor(noted), code))  # noqa: B010
        use_errands()
    return True


class Executors:
    """What asgiref keeps its executors in, by context: and `current` is also that of a call."""

    def __init__(self, asgirefs: Any, ours: "CallerExecutor", code: Any) -> None:
        vars(self).update(_asgirefs=asgirefs, _ours=ours, _code=code)

    def __getattr__(self, name: str) -> Any:
        if name != "current" or (caller := caller_here()) is None:
            return getattr(self._asgirefs, name)
        current = getattr(self._asgirefs, name, self._ours)
        if current is None:
            return None if self._is_hidden() else self._ours
        serves = getattr(current, "_work_thread", None)
        return self._ours if serves is None or serves.ident == caller else current

    def _is_hidden(self) -> bool:
        """Whether a block of the user's names an executor, for which asgiref hides any other."""
        block = getattr(self._code, "thread_sensitive_context", None)
        return block is not None and getattr(block.get(None), "_executor", None) is not None

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._asgirefs, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._asgirefs, name)


class CallerExecutor(concurrent.futures.Executor):
    """Runs code on the thread that waits for the nearest call."""

    def __init__(self, threadlocal: Any) -> None:
        self._threadlocal = threadlocal

    def submit(
        self, fn: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> "concurrent.futures.Future[T]":
        """Have the caller run it. To be called on the loop, by the task that awaits it."""
        return _Answer(_Run(self._threadlocal, fn, args, kwargs))


class _Run:
    """What asgiref wants to be run, on the caller's thread."""

    def __init__(self, threadlocal: Any, fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self._noted = threadlocal
        self._fn = fn
        self._args = args
        self._kwargs = kwargs

    def __call__(self) -> Any:
        # asgiref notes there which loop has called, for `async_to_sync`.
        noted: dict[str, Any] = self._noted.__dict__
        before = dict(noted)
        try:
            return self._as_it_is_here()(*self._args, **self._kwargs)
        finally:
            noted.clear()
            noted.update(before)

    def _as_it_is_here(self) -> Callable[..., Any]:
        """A partial `(handler, loop, ..., sync_fn)`, with what is different here.

        The loop may stand still, since the caller drives it: `async_to_sync` makes one of its own
        then. And `sync_fn` is called in a context of asgiref's.
        """
        fn: Any = self._fn
        if type(self._fn) is not functools.partial or len(fn.args) < 2:
            return self._fn
        loop, *rest, sync_fn = fn.args
        if isinstance(loop, asyncio.AbstractEventLoop) and not loop.is_running():
            loop = _StandsStill()
        return functools.partial(fn.func, loop, *rest, _in_errand(sync_fn), **fn.keywords)


def _in_errand(sync_fn: Callable[[], Any]) -> Callable[[], Any]:
    """Have it run inside of an errand: what it waits for must not wait for this thread."""

    def run() -> Any:
        token = inside_variable().set(IN_ERRAND)
        try:
            return sync_fn()
        finally:
            inside_variable().reset(token)

    return run


class _Answer(concurrent.futures.Future[T]):
    """The outcome of an errand, on the errand's loop."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._run = run
        self._ask()

    def cancel(self) -> bool:
        """Take it back. False if it has begun."""
        asked = self._asked
        taken_back = asked.withdraw() if isinstance(asked, Errand) else asked.cancel()
        return taken_back and super().cancel()

    def _ask(self) -> None:
        self._asked = asked = ask_caller(self._run, (), {})
        if isinstance(asked, Errand):
            asked.future.add_done_callback(self._settle)
        else:
            asked.add_done_callback(self._ask_again)

    def _ask_again(self, _: "asyncio.Future[None]") -> None:
        """Somebody waits now, or nobody any more."""
        if self.cancelled():
            return
        try:
            self._ask()
        except BaseException as error:
            is_an_interrupt = not isinstance(error, Exception) or is_of_a_handler(error)
            if self.set_running_or_notify_cancel():
                self.set_exception(_cut_off(error) if is_an_interrupt else error)
            if is_an_interrupt:
                raise  # the caller's

    def _settle(self, found: "asyncio.Future[Any]") -> None:
        if isinstance(self._asked, Errand) and self._asked.refused:
            self._ask_again(found)
        elif self.set_running_or_notify_cancel():
            if (error := found.exception()) is not None:
                self.set_exception(error)
            else:
                self.set_result(found.result())


def _cut_off(by: BaseException) -> RuntimeError:
    error = RuntimeError("the caller was interrupted while it was asked to run a function")
    error.__cause__ = by
    return error


class _StandsStill:
    """A loop that takes nothing."""

    def is_running(self) -> bool:
        return False

    def create_task(self, _: object) -> None:
        raise AssertionError("it takes nothing")

    def call_soon_threadsafe(self, *_: object) -> None:
        raise RuntimeError("the caller, who drives this loop, runs the code that asks")
