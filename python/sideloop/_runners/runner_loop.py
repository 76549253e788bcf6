"""The loop of a runner: started by the first call, replaced when it is gone, closed for good."""

import threading
from collections.abc import Callable

from sideloop._base.errors import RunnerClosedError, logger
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop
from sideloop._loops.making import LoopOptions
from sideloop._loops.thread import LoopThread
from sideloop._runners.options import Drive, check_grace
from sideloop._sideloop import RunnerCore, call_name, generation

_MAKERS: dict[Drive, type[LoopThread] | type[DrivenLoop]] = {
    "thread": LoopThread,
    "caller": DrivenLoop,
}


class RunnerLoop:
    """What managers use of a runner, and its users do not see.

    Lives as long as the runner, or as anything that was made to call through it. Collected, it
    closes without being waited for.
    """

    core: RunnerCore
    """Served last. Routers look for it here."""

    def __init__(
        self,
        name: str,
        drive: Drive,
        grace: float,
        slow_call_warning: float | None,
        options: LoopOptions,
    ) -> None:
        self.name = name
        self.drive: Drive = drive
        self.depth = 1
        self.closed = False
        self.found: Loop | None = None
        self._grace = grace
        self._slow_call_warning = slow_call_warning
        self._options = options
        # Re-entrant: a signal handler may call run_sync while this thread starts a loop.
        self._starting = threading.RLock()
        self._generation = generation()

    def serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """The core that takes this call: starts the loop, or replaces one that is gone."""
        core = self.for_call(async_fn).core
        self.core = core
        return core

    def for_call(self, async_fn: Callable[..., object]) -> Loop:
        """The loop that takes this call, started if need be."""
        with self._lock():
            found = self.found
            if found is not None and found.core.accepting:
                return found
            if self.closed:
                raise RunnerClosedError(self.name, call_name(async_fn))
            made = _MAKERS[self.drive](
                self.name, self._grace, self._slow_call_warning, self._options
            )
            try:
                made.start()
                if self.found is not found and self.found is not None:
                    # A signal handler came in between and has started one. One is enough.
                    made.let_go()
                    return self.found
                self.found = made
                if self.closed:
                    # Meanwhile: whoever closes waits for the lock, and then for this loop to end.
                    raise RunnerClosedError(self.name, call_name(async_fn))
            except BaseException:
                made.let_go()
                raise
            return made

    @property
    def driving(self) -> bool:
        """Whether a call drives the loop now."""
        return isinstance(self.found, DrivenLoop) and self.found.core.driving

    def close(self, grace: float | None = None) -> None:
        """Cancel what runs, let it unwind, close the loop and join its thread. Idempotent."""
        if grace is not None:
            grace = check_grace(grace)
        loop = self.found
        if loop is not None and not loop.core.orphaned:
            _check_closable(self.name, loop)
        if grace is not None and loop is not None:
            loop.grace = grace
        self.close_soon()
        loop = self.found
        if loop is None or loop.core.orphaned:
            return
        try:
            # Unwinding takes the grace at most, then the loop has still to be closed.
            if not loop.join(loop.grace + 1.0):
                logger.warning(
                    "the loop thread of runner %r is stuck and was left behind", self.name
                )
        finally:
            # Also if what unwound has exited.
            self.found = None

    def close_soon(self) -> None:
        """Close without waiting: what runs is cancelled, the thread ends by itself. Idempotent."""
        self.closed = True
        # A first call that is just making the loop finds the runner closed when it has the lock no
        # more.
        with self._lock():
            loop = self.found
        if loop is not None and not loop.core.orphaned:
            loop.ask_stop()

    def close_or_let_go(self) -> None:
        """Close as far as this thread may: a loop that another thread drives is let go."""
        driven_elsewhere = self._driven_elsewhere()
        if self.driving:
            self.close_soon()
        elif driven_elsewhere is None:
            self.close()
        else:
            self.closed = True
            driven_elsewhere.let_go()
            self.found = None

    def close_or_refuse(self, grace: float | None) -> None:
        """Close; a loop that another thread drives takes no more calls, and is closed there."""
        driven_elsewhere = self._driven_elsewhere()
        if driven_elsewhere is None:
            self.close(grace)
        else:
            self.closed = True
            driven_elsewhere.ask_stop()

    def disown(self) -> None:
        """The thread that it served has ended."""
        if self.found is not None:
            self.found.owner = None

    def __del__(self) -> None:
        if self.closed or self.found is None:
            return
        if isinstance(self.found, DrivenLoop):
            self.close_or_let_go()
        else:
            self.close_soon()

    def _driven_elsewhere(self) -> DrivenLoop | None:
        """The loop, if another thread of this process drives it."""
        loop = self.found
        if isinstance(loop, DrivenLoop) and not loop.core.mine and not loop.core.orphaned:
            return loop
        return None

    def _lock(self) -> threading.RLock:
        if self._generation != generation():
            # In a fork's child: the thread that held the lock, if one did, is not there.
            self._starting, self._generation = threading.RLock(), generation()
        return self._starting


def _check_closable(name: str, loop: Loop) -> None:
    """Refuse a close that would wait for itself, or that another thread has to do."""
    if isinstance(loop, DrivenLoop) and not loop.core.mine:
        raise RuntimeError(
            f"runner {name!r} is driven by the thread that made its first call; close it there"
        )
    inside = loop.core.driving if isinstance(loop, DrivenLoop) else loop.core.mine
    if inside:
        raise RuntimeError(
            f"runner {name!r} cannot be closed by a coroutine on its own loop, which would wait "
            f"for itself; close it where it was made"
        )
