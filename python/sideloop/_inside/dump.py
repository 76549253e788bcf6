"""Seeing inside: what every runner does now, and a report of a call that takes long."""

import asyncio
import sys
import threading
from collections.abc import Iterable
from typing import Any, TextIO

from sideloop._base.errors import logger
from sideloop._base.stack import await_chain, formatted, frames_of, indented, thread_name
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop, live
from sideloop._loops.unwind import users_tasks
from sideloop._sideloop import RunnerCore


def dump(file: TextIO | None = None) -> None:
    """Write what every runner does now: its calls and tasks, what they await, who waits for whom.

    Takes no lock and asks no loop, so it works while everything hangs, from any thread and from a
    signal handler. What it shows of a loop that runs meanwhile may be of different moments.

    Args:
        file: Where to write; `sys.stderr` if None.

    >>> import asyncio, io, sideloop
    >>> async def look():
    ...     file = io.StringIO()
    ...     sideloop.dump(file)
    ...     return "look() of" in file.getvalue()
    >>> sideloop.run_sync(look)
    True
    """
    loops = sorted(live, key=lambda one: one.core.name)
    lines = [f"sideloop: {len(loops)} runners"]
    for loop in loops:
        lines += ["", *_runner_lines(loop)]
    waits = list(_waits(loops))
    if waits:
        lines += ["", "who waits for whom:", *indented(waits)]
    print("\n".join(lines), file=file if file is not None else sys.stderr)


def report_slow(
    core: RunnerCore, call: str, task: "asyncio.Future[Any] | None", since: float
) -> None:
    """Log that a call takes long, and why, as far as that can be seen. Runs in its caller."""
    what = (
        f"{call} has not ended for {since:.3g} s on runner {core.name!r}, and goes on; limit it "
        f"with sideloop.timeout, or set the runner's slow_call_warning if it may take this long"
    )
    lines = [
        what,
        "the caller:",
        *formatted(frames_of(threading.get_ident())),
        "the task:",
        *(await_chain(task) if task is not None else ["  not started"]),
        *_thread_lines(core),
    ]
    logger.warning("%s", "\n".join(lines))


def _runner_lines(loop: Loop) -> list[str]:
    core = loop.core
    if isinstance(loop, DrivenLoop):
        who = "driven by its caller"
    else:
        owner = f", serves thread {thread_name(loop.owner)!r}" if loop.owner is not None else ""
        who = f"on a thread of its own, at depth {loop.depth}{owner}"
    lines = [f"runner {core.name!r}, {who}: {core.running} calls run"]
    calls = core.running_calls()
    for name, task, caller, since in calls:
        lines.append(f"  {name} of thread {thread_name(caller)!r}, for {since:.3f} s:")
        lines += indented(await_chain(task)) if task is not None else []
    called = {task for _, task, _, _ in calls}
    for other in users_tasks(loop.loop) - called:
        lines.append(f"  task {other.get_name()!r}:")
        lines += indented(await_chain(other))
    lines += indented(_thread_lines(core))
    return lines


def _thread_lines(core: RunnerCore) -> list[str]:
    if not core.loop_thread:
        return []
    return [
        "the loop's thread:",
        *(formatted(frames_of(core.loop_thread)) or ["  waits for events"]),
    ]


def _waits(loops: Iterable[Loop]) -> Iterable[str]:
    for loop in loops:
        for name, _, caller, _ in loop.core.running_calls():
            yield f"thread {thread_name(caller)!r} waits for {name} on runner {loop.core.name!r}"
