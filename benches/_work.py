"""The work: what every event loop is given to do, the same code for each.

A piece of work is an async function that does something `n` times on the running loop and returns
how many nanoseconds that took. It prepares (connections, threads) and clears up outside of that
time, and raises RuntimeError if what came back is not what was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from _echo import echo_protocol, echo_socket, echo_streams
from _scheduling import (
    AT_ONCE,
    TASKS,
    TIME_LIMIT,
    call_soon_batch,
    call_soon_chain,
    cancelled_timers,
    create_task,
    sleep,
    tasks_sleep,
    threadsafe,
    timeouts,
    timers,
)

Run = Callable[[int], Coroutine[Any, Any, int]]


class Kind(Enum):
    """What a piece of work mostly exercises; the targets are set by kind."""

    SCHEDULING = "scheduling"
    WAKING = "waking from another thread"
    ECHO = "echo through a transport"
    SOCKET = "echo on a bare socket"


@dataclass(frozen=True)
class Work:
    """One piece of work.

    Attributes:
        name: How it is named on the command line.
        title: How it is named in a table.
        unit: What is done `n` times.
        kind: What it mostly exercises.
        n: How often it is done in one batch.
        run: Does it.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    n: int
    run: Run


_S = Kind.SCHEDULING
_ECHO = "round trip of 1 KiB"

WORKS = (
    Work("chain", "call_soon, a chain", "callback", _S, 20_000, call_soon_chain),
    Work("batch", f"call_soon, {AT_ONCE} at once", "callback", _S, 20_000, call_soon_batch),
    Work("sleep", "sleep(0) in one task", "sleep", _S, 2_000, sleep),
    Work("tasks", f"sleep(0) in {TASKS} tasks", "sleep", _S, 10_000, tasks_sleep),
    Work("create", "create_task of an empty coroutine", "task", _S, 1_500, create_task),
    Work("timers", "call_later, and it fires", "timer", _S, 3 * AT_ONCE, timers),
    Work("cancel", "call_later, cancelled", "timer", _S, 5_000, cancelled_timers),
    Work("timeout", f"{TIME_LIMIT}, not reached", "time limit", _S, 5_000, timeouts),
    Work("threadsafe", "call_soon_threadsafe, a burst", "call", Kind.WAKING, 5_000, threadsafe),
    Work("protocol", "TCP echo, protocol", _ECHO, Kind.ECHO, 400, echo_protocol),
    Work("streams", "TCP echo, streams", _ECHO, Kind.ECHO, 250, echo_streams),
    Work("sock", "TCP echo, sock_*", _ECHO, Kind.SOCKET, 250, echo_socket),
)
