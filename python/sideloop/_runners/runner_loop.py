"""The loop of a runner: started by the first call, replaced when it is gone, closed for good."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from sideloop._base.errors import (
    DeadlockError,
    LoopStoppedError,
    RunnerClosedError,
    logger,
    not_started_error,
)
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.hubs import check_no_hubs
from sideloop._loops.loop import Loop, end_together
from sideloop._loops.making import LoopOptions
from sideloop._loops.thread import LoopThread
from sideloop._runners.drain import Drain
from sideloop._runners.options import Drive, check_grace
from sideloop._sideloop import Making, Router, RunnerCore, call_name, check_not_finalizing

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

    found: Loop | None = None
    closed = False

    # Also where the interpreter has taken this module apart: without its lock, what another thread
    # has made goes as late as that.
    _is_over = staticmethod(sys.is_finalizing)

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
        self._grace = grace
        self._slow_call_warning = slow_call_warning
        self._options = options
        self._making = Making()

    def serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """The core that takes this call: starts the loop, or replaces one that is gone."""
        core = self.find(async_fn)[1].core
        self.core = core
        return core

    def find(self, async_fn: Callable[..., object]) -> tuple["RunnerLoop", Loop]:
        """The loop that takes calls of the calling thread, and what keeps it open: this."""
        if self.drive == "caller":
            check_no_hubs(self.name)
        return self, self.for_call(async_fn)

    def for_call(self, async_fn: Callable[..., object]) -> Loop:
        """The loop that takes this call, started if need be.

        One thread makes it, with no lock held; others wait for that as for the call itself.
        """
        while True:
            with self._making as mine:
                if mine:
                    return self._usable(async_fn) or self._make(async_fn)
            self._making.wait(async_fn)

    def _usable(self, async_fn: Callable[..., object]) -> Loop | None:
        found = self.found
        if found is not None and found.core.accepting:
            return found
        if self.closed:
            raise not_started_error(self.name, call_name(async_fn))
        return None

    def _make(self, async_fn: Callable[..., object]) -> Loop:
        check_not_finalizing(async_fn)
        before = self.found
        made = _MAKERS[self.drive](self.name, self._grace, self._slow_call_warning, self._options)
        try:
            made.start()
            if self.found is not before and self.found is not None:
                # A signal handler came in between and has started one. One is enough, and no close
                # knows of the other: it ends here.
                made.let_go()
                made.join(self._grace)
                return self.found
            self.found = made
            if self.closed:
                # Meanwhile, by somebody who has not seen it.
                raise not_started_error(self.name, call_name(async_fn))
        except BaseException:
            made.let_go()
            raise
        return made

    @property
    def driving(self) -> bool:
        """Whether a call drives the loop now."""
        return isinstance(self.found, DrivenLoop) and self.found.core.driving

    @property
    def runs_here(self) -> bool:
        """Whether the calling thread runs the loop, just now."""
        loop = self.found
        if loop is None or loop.core.orphaned or not loop.core.mine:
            return False
        return loop.core.driving or not isinstance(loop, DrivenLoop)

    def close(self, grace: float | None = None, *, drain: bool = False) -> None:
        """Cancel what runs, let it unwind, close the loop and join its thread. Idempotent."""
        if self._driven_elsewhere() is not None:
            raise RuntimeError(
                f"runner {self.name!r} is driven by the thread that made its first call; close it "
                f"there"
            )
        close_together([self], grace, drain=drain)

    def drain(self) -> None:
        """Take no more calls, and wait until those that are in have ended."""
        loop = self.found
        if loop is None or not loop.core.accepting or self._driven_elsewhere() is not None:
            return
        # Unless it ends meanwhile.
        with contextlib.suppress(RunnerClosedError, LoopStoppedError):
            Router(self, self.serve).run(Drain(self), (), {})

    def wait_for_maker(self, grace: float | None, begun: float) -> None:
        """Wait, for the grace since then at most, until nobody makes the loop any more."""
        end = begun + (self._grace if grace is None else grace)
        self._making.wait_for(end - time.monotonic())

    def begin_close(self, grace: float | None) -> Loop | None:
        """Take no more calls. Returns the loop that has to end for that, if it is to be waited for.

        A loop that another thread drives is closed there.
        """
        self.closed = True
        loop = self.found
        if loop is None or loop.core.orphaned:
            return None
        if grace is not None:
            loop.grace = grace
        loop.ask_stop()
        return loop if self._driven_elsewhere() is None else None

    def check_closable(self) -> None:
        """Refuse a close that would wait for itself."""
        if self.runs_here:
            raise RuntimeError(
                f"runner {self.name!r} cannot be closed by a coroutine on its own loop, which "
                f"would wait for itself; close it where it was made"
            )

    def close_soon(self) -> None:
        """Close without waiting: what runs is cancelled, the thread ends by itself. Idempotent."""
        self.begin_close(None)

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

    def disown(self) -> None:
        """The thread that it served has ended."""
        if self.found is not None:
            self.found.owner = None

    def let_go(self) -> None:
        """Close without waiting: nobody will call any more. Also what a close has not ended."""
        loop = self.found
        if loop is None or self._is_over() or loop.loop.is_closed():
            return
        if not isinstance(loop, DrivenLoop):
            if not loop.core.stopping:
                self.close_soon()
        elif loop.core.mine or not self.closed:
            self.close_or_let_go()

    def __del__(self) -> None:
        self.let_go()

    def _driven_elsewhere(self) -> DrivenLoop | None:
        """The loop, if another thread of this process drives it."""
        loop = self.found
        if isinstance(loop, DrivenLoop) and not loop.core.mine and not loop.core.orphaned:
            return loop
        return None


def close_together(
    loops: Sequence[RunnerLoop], grace: float | None, *, drain: bool = False
) -> None:
    """Close these, all within one grace: their own, if None. Drained, calls end before."""
    if grace is not None:
        grace = check_grace(grace)
    for one in loops:
        one.check_closable()
    raised: list[BaseException] = []
    if drain:
        raised.extend(_drain(loops))
    try:
        for one in loops:
            one.closed = True  # who is just making one sees it, and lets go of that
        begun = time.monotonic()
        for one in loops:
            one.wait_for_maker(grace, begun)
        ending = _begin_close(loops, grace)
    except BaseException as error:
        # A signal handler's. What takes no more calls has to end, too.
        raised.append(error)
        ending = _begin_close(loops, grace)
    for loop in end_together(list(ending.values()), lambda _, error: raised.append(error)):
        logger.warning("the loop thread of runner %r is stuck and was left behind", loop.core.name)
    for one in ending:
        one.found = None
    if raised:
        raise raised[0]


def _drain(loops: Sequence[RunnerLoop]) -> Iterator[BaseException]:
    """Drain these, and give what ends that before it is done."""
    try:
        for one in loops:
            one.drain()
    except DeadlockError:
        raise  # it was not begun
    except BaseException as error:
        yield error


def _begin_close(loops: Sequence[RunnerLoop], grace: float | None) -> dict[RunnerLoop, Loop]:
    """Have all take no more calls. Returns those that have a loop to be waited for."""
    return {one: loop for one in loops if (loop := one.begin_close(grace)) is not None}
