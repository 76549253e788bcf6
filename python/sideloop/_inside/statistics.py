"""Statistics: what the runners of this process have done so far."""

from typing import NamedTuple

from sideloop._base.stack import thread_name
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop, cores, live
from sideloop._sideloop import ended_counts


class CallStatistics(NamedTuple):
    """Calls, counted by what they have come to, and how long they took.

    Attributes:
        waiting: Somebody waits for these now.
        returned: These ended with a value.
        failed: These ended with an exception.
        cancelled: A signal or a deadline has stopped these.
        abandoned: The tasks of these would not stop, and were left behind.
        queued: Seconds from the submission to the start, summed over all that have ended.
        ran: Seconds from the start to the outcome, summed over all that have ended.
    """

    waiting: int
    returned: int
    failed: int
    cancelled: int
    abandoned: int
    queued: float
    ran: float

    @property
    def made(self) -> int:
        """All of them, whatever they came to."""
        return self.waiting + self.returned + self.failed + self.cancelled + self.abandoned


class RunnerStatistics(NamedTuple):
    """What one runner has done since its loop was started.

    Attributes:
        name: The runner's.
        drive: Who runs the loop: `"thread"` or `"caller"`.
        depth: How deep the calls that it serves are nested: 1 for those of plain threads.
        owner: The name of the thread that it serves; None if threads share it, or it is idle.
        calls: The calls made through it.
    """

    name: str
    drive: str
    depth: int
    owner: str | None
    calls: CallStatistics


class Statistics(NamedTuple):
    """What the runners of this process have done so far.

    Attributes:
        runners: Those whose loop lives, by name.
        calls: The calls made through these and all others before.
    """

    runners: tuple[RunnerStatistics, ...]
    calls: CallStatistics


def statistics() -> Statistics:
    """What the runners of this process have done so far: a snapshot.

    Blocks nothing, from any thread. A fork's child starts anew.

    >>> import asyncio, sideloop
    >>> before = sideloop.statistics().calls.returned
    >>> sideloop.run_sync(asyncio.sleep, 0)
    >>> sideloop.statistics().calls.returned - before
    1
    """
    held = [core for reference in list(cores.values()) if (core := reference()) is not None]
    columns = zip(ended_counts(), *(core.counts() for core in held), strict=True)
    loops = sorted(live, key=lambda one: one.core.name)
    return Statistics(
        runners=tuple(_of_runner(loop) for loop in loops),
        calls=CallStatistics(*(sum(column) for column in columns)),
    )


def _of_runner(loop: Loop) -> RunnerStatistics:
    return RunnerStatistics(
        name=loop.core.name,
        drive="caller" if isinstance(loop, DrivenLoop) else "thread",
        depth=loop.depth,
        owner=thread_name(loop.owner) if loop.owner is not None else None,
        calls=CallStatistics(*loop.core.counts()),
    )
