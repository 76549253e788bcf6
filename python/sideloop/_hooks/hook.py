"""The hook: one run of a sync function on a worker, awaited by async code.

The function runs in a copy of the context of the task that awaits it. What it raises reaches the
task as it is. A task that is cancelled meanwhile goes on at once. The function cannot be stopped:
it runs to its end, but a call of sideloop's that it waits for is cancelled with the task. What it
gives then is for nobody: what has to be given back, the worker gives back.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Final

from sideloop._base.errors import (
    LoopStoppedError,
    RunnerClosedError,
    is_raised_by_us,
    logger,
    nesting_error,
    without_our_frame,
)
from sideloop._base.soon import call_soon
from sideloop._hooks.worker import Lease
from sideloop._loops.loop import cores, exit_state
from sideloop._sideloop import call_name, generation, run_hook_of, turned_runner

DEPTH_LIMIT: Final = 128
"""How deep hooks may be nested. Each depth has a thread, and one that calls waits in it."""

_NO_NEWS = (asyncio.CancelledError, RunnerClosedError, LoopStoppedError)
"""What becomes of the calls of a hook that nobody awaits any more."""

_depth: contextvars.ContextVar[int] = contextvars.ContextVar("sideloop.hooks", default=0)


def depth() -> int:
    """How deep what runs here is nested in hooks."""
    return _depth.get()


class Hook:
    """One run of a function, from the task that awaits it to the worker and back.

    ```text
              the function ends               the task resumes
    Running ────────────────────▶ Ended ──────────────────────────▶ Taken
       │ the task is cancelled       │ the task is cancelled
       ▼        the function ends    ▼
      Left ────────────────────▶ the worker runs `give_back(value)`
    ```

    Who is first, the function's end or the task's leaving, is told by who takes the only token.
    """

    def __init__(
        self,
        lease: Lease,
        sync_fn: Callable[..., Any],
        args: Any,
        kwargs: dict[str, Any],
        give_back: Callable[[Any], object] | None = None,
    ) -> None:
        self.ended = False
        self._give_back = give_back
        self._token = [None]
        self._lease = lease
        self._sync_fn = sync_fn
        self._args = args
        self._kwargs = kwargs
        self._generation = generation()
        self._loop = asyncio.get_running_loop()
        self._runner = turned_runner()
        self._waiter: asyncio.Future[None] = self._loop.create_future()
        self._value: Any = None
        self._error: BaseException | None = None
        if depth() >= DEPTH_LIMIT:
            chain = [f"{depth()} hooks", call_name(sync_fn)]
            raise nesting_error(call_name(sync_fn), depth(), chain)
        self._context = contextvars.copy_context()
        self._context.run(_depth.set, depth() + 1)

    @property
    def error(self) -> BaseException | None:
        """What it has raised, until that is told."""
        return self._error

    async def outcome(self) -> tuple[Any, BaseException | None]:
        """Have it run, and wait for what it returns or raises."""
        self._lease.put(self)
        try:
            await self._waiter
        except (asyncio.CancelledError, GeneratorExit):
            self._leave()
            raise
        error, self._error = self._error, None
        return self._value, error

    def __call__(self) -> None:
        """On the worker: run the function, and tell the task."""
        run_hook_of(self._runner)
        try:
            self._value = self._context.run(self._sync_fn, *self._args, **self._kwargs)
            if not self._is_first() and self._give_back is not None:
                self._context.run(self._give_back, self._value)
        except BaseException as error:  # it is the task's, whatever it is
            self._error = without_our_frame(error)
        finally:
            run_hook_of(None)
        if self._generation != generation():
            return  # in a child of a fork that the hook has made: the loop is the parent's
        self.ended = True
        if not call_soon(self._loop, self._tell):
            self._report(lambda said: logger.error(said, exc_info=self._error))

    def _leave(self) -> None:
        """The task goes on without it."""
        if self._is_first():
            self._cancel_its_wait()
        elif self._give_back is not None and self._error is None:
            # What it gave was on its way. The worker is still leased.
            self.ended = False
            self._sync_fn, self._args, self._kwargs = self._give_back, (self._value,), {}
            self._give_back = None
            self._lease.put(self)

    def _is_first(self) -> bool:
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    def _tell(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)
        else:
            self._report(
                lambda said: self._loop.call_exception_handler(
                    {"message": said, "exception": self._error}
                )
            )

    def _report(self, tell: Callable[[str], None]) -> None:
        """Nobody awaits it any more: an error is not to be lost."""
        error = self._error
        if error is None or isinstance(error, _NO_NEWS) or exit_state.begun:
            return
        if isinstance(error, TimeoutError) and is_raised_by_us(error):
            return  # of the time limit that has cancelled the task too
        tell(f"{call_name(self._sync_fn)}, called by async code, failed after that had left it")
        self._error = None

    def _cancel_its_wait(self) -> None:
        """It waits for one call at most: on whichever loop, which need not be this one."""
        if (thread := self._lease.ident) is None:
            return
        for reference in list(cores.values()):
            if (core := reference()) is not None:
                core.cancel_wait_of(thread)
