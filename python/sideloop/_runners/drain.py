"""Drain: a loop that takes no more calls, until those that are in have ended."""

import asyncio
from typing import Any, Protocol

from sideloop._loops.loop import Loop

_LOOK = 0.05
"""How often to look whether a step of an iterator has ended, whose task goes on, in seconds."""


class Drained(Protocol):
    """Whose loop it is."""

    closed: bool
    found: Loop | None


def _close() -> None: ...


# What messages call it.
_close.__module__, _close.__qualname__ = "sideloop", "Runner.close"


class Drain:
    """An async function that ends when the other calls on its loop have.

    A call like any other: so whoever drains gives up by a time limit or Ctrl-C, and does not wait
    for what waits for him.
    """

    func = staticmethod(_close)

    def __init__(self, runner: Drained) -> None:
        self._runner = runner

    async def __call__(self) -> None:
        """Let nobody in any more, and wait."""
        loop = self._runner.found
        if loop is None or loop.loop is not asyncio.get_running_loop():
            return  # it was replaced, and nothing has begun on the new one
        self._runner.closed = True
        loop.core.begin_draining()
        # What is in the queue begins meanwhile.
        await asyncio.sleep(0)
        while others := _others(loop):
            await asyncio.wait(others, timeout=_LOOK)


def _others(loop: Loop) -> list["asyncio.Future[Any]"]:
    abandoned = loop.core.abandoned_tasks()
    own = asyncio.current_task()
    tasks = [task for _, task, _, _ in loop.core.running_calls()]
    return [
        task for task in tasks if task is not None and task is not own and task not in abandoned
    ]
