"""Run on, submit on: calls to a loop that somebody else runs."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar, overload

from sideloop._base.errors import host_gone_error
from sideloop._runners.options import GRACE
from sideloop._runners.submit import Submitted
from sideloop._sideloop import (
    RunnerCore,
    call_name,
    check_async_fn,
    guest_core,
    run_as_guest,
)

P = ParamSpec("P")
T = TypeVar("T")

LOOK = 0.05
"""How often who waits for a submitted call looks whether its loop runs, in seconds."""


@overload
def run_on(
    loop: asyncio.AbstractEventLoop,
    async_fn: Callable[P, Awaitable[T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T: ...
@overload
def run_on(loop: asyncio.AbstractEventLoop, /, *, wait_for_loop: float | None) -> "RunOn": ...
def run_on(loop: asyncio.AbstractEventLoop, /, *call: Any, **kwargs: Any) -> Any:
    """Call an async function on a loop that somebody else runs, and return what it returns.

    Blocks the calling thread. `async_fn` is called on the thread that runs `loop`, in a copy of the
    caller's context. `sideloop.timeout` and Ctrl-C cancel the task, which gets 5 seconds to unwind,
    as in `run_sync`. The loop is neither stopped nor closed.

    A loop that does not run gets 5 seconds to do so. `run_on(loop, wait_for_loop=seconds)`, without
    a function, is `run_on` for that loop with another such limit: `run_on(loop,
    wait_for_loop=30)(async_fn, ...)`. All keyword arguments that stand beside a function are its.

    Args:
        loop: An asyncio event loop of any kind that another thread runs, or is about to.
        *call: The async function, any callable that returns an awaitable, and its arguments.
        **kwargs: Its keyword arguments: none is taken for sideloop.

    Returns:
        The awaited value.

    Raises:
        BaseException: Whatever the function raised: the same object, with its traceback.
        TypeError: `loop` is no event loop, or `async_fn` no async function.
        TimeoutError: The call did not end within a `sideloop.timeout` in force.
        DeadlockError: The caller runs on this very loop, or on one for which it waits, through any
            chain of calls.
        RuntimeError: The loop is closed.
        LoopStoppedError: The loop was closed under the call, or did not run for that long.
        RunnerClosedError: The loop is a runner's, which was closed under the call.

    >>> import asyncio, threading, sideloop
    >>> loop = asyncio.new_event_loop()
    >>> thread = threading.Thread(target=loop.run_forever)
    >>> thread.start()
    >>> sideloop.run_on(loop, asyncio.sleep, 0, result="slept")
    'slept'
    >>> _ = loop.call_soon_threadsafe(loop.stop)
    >>> thread.join()
    >>> loop.close()
    """
    if not call and kwargs.keys() == {"wait_for_loop"}:
        return RunOn(loop, **kwargs)
    return RunOn(loop, GRACE)(*call, **kwargs)


@overload
def submit_on(
    loop: asyncio.AbstractEventLoop,
    async_fn: Callable[P, Awaitable[T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Future[T]: ...
@overload
def submit_on(loop: asyncio.AbstractEventLoop, /, *, wait_for_loop: float | None) -> "SubmitOn": ...
def submit_on(loop: asyncio.AbstractEventLoop, /, *call: Any, **kwargs: Any) -> Any:
    """Call an async function on a loop that somebody else runs, and do not wait for it.

    Blocks nothing, and may be called on the loop's own thread. `async_fn` is called on the thread
    that runs `loop`, in a copy of the caller's context, as soon as the loop runs. A
    `sideloop.timeout` does not limit it.

    Args:
        loop: An asyncio event loop of any kind, that runs or will.
        *call: The async function, any callable that returns an awaitable, and its arguments.
        **kwargs: Its keyword arguments: none is taken for sideloop. Without a function
            `wait_for_loop=seconds`, as of `run_on`.

    Returns:
        The future of its outcome, as that of `Runner.submit`. Whoever waits in its `result` or
        `exception` gets a LoopStoppedError when the loop is closed, or does not run for 5 seconds
        (or `wait_for_loop`). Callbacks, and `concurrent.futures.wait`, hear of the outcome alone.

    Raises:
        TypeError: `loop` is no event loop, or `async_fn` no async function.
        RuntimeError: The loop is closed.

    >>> import asyncio, sideloop
    >>> async def main() -> str:
    ...     future = sideloop.submit_on(asyncio.get_running_loop(), asyncio.sleep, 0, "slept")
    ...     return await asyncio.wrap_future(future)
    >>> asyncio.run(main())
    'slept'
    """
    if not call and kwargs.keys() == {"wait_for_loop"}:
        return SubmitOn(loop, **kwargs)
    return SubmitOn(loop, GRACE)(*call, **kwargs)


class _On:
    """A loop that somebody else runs, and for how many seconds it may not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wait_for_loop: float | None) -> None:
        self._loop = loop
        self._patience = _check_patience(wait_for_loop)

    def _check(self, async_fn: Callable[..., object]) -> None:
        check_async_fn(async_fn)
        check_loop(self._loop, async_fn)


class RunOn(_On):
    """`run_on` for one loop."""

    def __call__(
        self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call it there, and return what it returns."""
        self._check(async_fn)
        return run_as_guest(self._loop, GRACE, self._patience, async_fn, args, kwargs)


class SubmitOn(_On):
    """`submit_on` for one loop."""

    def __call__(
        self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Call it there, and do not wait."""
        self._check(async_fn)
        served = Served(self._loop, self._patience)
        future: Submitted[T] = Submitted(served.by, async_fn, args, kwargs, look=LOOK)
        future.send()
        return future


class Served:
    """A loop that somebody else runs, which takes submitted calls."""

    core: RunnerCore

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._loop = loop
        self._patience = patience

    def by(self, async_fn: Callable[..., object]) -> "Served":
        """Find what takes this call there."""
        check_loop(self._loop, async_fn)
        self.core = guest_core(self._loop, GRACE, self._patience)
        if not self.core.accepting:  # a runner's, which closes
            raise host_gone_error(repr(self._loop), call_name(async_fn), "was closed")
        return self


def check_loop(loop: asyncio.AbstractEventLoop, async_fn: Callable[..., object]) -> None:
    """Refuse what is no loop, and one that will not run any more."""
    # What is passed need not be what the signature says.
    if not isinstance(loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"expected an event loop, got {type(loop).__name__}: pass the loop and then the async "
            f"function, as in run_on(loop, async_fn, a, b=1)"
        )
    if loop.is_closed():
        raise RuntimeError(
            f"{call_name(async_fn)} was not started: the event loop {loop!r} is closed; make a new "
            f"one and run it on another thread, or use sideloop.run_sync, which has one of its own"
        )


def _check_patience(seconds: float | None) -> float:
    if seconds is None:
        return math.inf
    if not seconds >= 0:
        raise ValueError(
            f"wait_for_loop is a number of seconds that is not negative, or None for as long as it "
            f"takes: {seconds!r}"
        )
    return float(seconds)
