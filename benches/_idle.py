"""Idle loops: what each takes of the process, measured in a process of its own.

    python benches/_idle.py NAME COUNT

Makes that many of what is named, lets each serve one call, and prints, as JSON, what the process
has more than before, by the piece: resident bytes, descriptors, threads. One is made before, so
that what is shared by all (modules, caches) is not in the figures.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"
# A peer may be absent where this is type-checked.

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from _peers import ANSWER, async_add, flytekit_run_sync

Make = Callable[[], None]


def _thread(stack: ExitStack) -> Make:
    over = threading.Event()
    stack.callback(over.set)
    return lambda: threading.Thread(target=over.wait).start()


def _sideloop(stack: ExitStack) -> Make:
    from sideloop import Runner

    def make() -> None:
        runner = stack.enter_context(Runner())
        assert runner.run(async_add, 10, b=12) == ANSWER

    return make


def _driven(stack: ExitStack) -> Make:
    from sideloop import Runner

    def make() -> None:
        runner = stack.enter_context(Runner(drive="caller"))
        assert runner.run(async_add, 10, b=12) == ANSWER

    return make


def _asyncio(stack: ExitStack) -> Make:
    def end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def make() -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        stack.callback(end, loop, thread)
        assert asyncio.run_coroutine_threadsafe(async_add(10, b=12), loop).result() == ANSWER

    return make


def _flytekit(stack: ExitStack) -> Make:
    run_sync = flytekit_run_sync()
    caller, name = threading.current_thread(), threading.current_thread().name
    stack.callback(setattr, caller, "name", name)
    made = 0

    def make() -> None:
        # It keeps a loop for each name that a calling thread has.
        nonlocal made
        made += 1
        caller.name = f"caller {made}"
        assert run_sync(async_add, 10, b=12) == ANSWER

    return make


def _anyio(stack: ExitStack) -> Make:
    from anyio.from_thread import start_blocking_portal

    def make() -> None:
        portal = stack.enter_context(start_blocking_portal())
        assert portal.call(async_add, 10, 12) == ANSWER

    return make


SIDELOOP = "sideloop Runner"

SUBJECTS: dict[str, tuple[str | None, Callable[[ExitStack], Make]]] = {
    SIDELOOP: ("sideloop", _sideloop),
    'sideloop Runner, drive="caller"': ("sideloop", _driven),
    "flytekit.utils.asyn loop": ("flytekit", _flytekit),
    "anyio portal": ("anyio", _anyio),
    "asyncio's loop on a thread": (None, _asyncio),
    "a thread that waits, no loop": (None, _thread),
}
"""What is made, the distribution that it comes from, and how."""


def held() -> dict[str, int]:
    """Return what this process holds."""
    gc.collect()
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    (resident,) = (line.split()[1] for line in rollup.splitlines() if line.startswith("Rss:"))
    return {
        "resident": int(resident) * 1024,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
    }


def main() -> None:
    """Make them, and print what each takes."""
    name, number = sys.argv[1], int(sys.argv[2])
    _, subject = SUBJECTS[name]
    with ExitStack() as stack:
        make = subject(stack)
        make()
        before = held()
        for _ in range(number):
            make()
        after = held()
        print(json.dumps({what: (after[what] - before[what]) / number for what in after}))


if __name__ == "__main__":
    main()
