"""Makes the cells of a hook at some entries. `hook_cells.py <hook> <entry>... [known]`.

A line for each cell: its name before, and then "right" or what was wrong. Of what is known to be
wrong only the first cell is made.
"""

import asyncio
import gc
import itertools
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sideloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from hooks.bridges import HANG, Bridge, Neighbour
from hooks.loops import BadLoop, OurLoop, raises_once
from hooks.table import ANSWER, HOOKS, Hook, answer

ERRORS: tuple[type[BaseException], ...] = (ValueError, SystemExit, KeyboardInterrupt)

CLEAR = (RuntimeError, TypeError, ValueError, TimeoutError)
"""What may come instead, with what was raised among its causes."""

LIMIT = 0.3 if "known" in sys.argv else HANG
"""Seconds after which a call hangs."""

ENOUGH = 3
"""Wrong cells after which no more are made: each may take its time."""

PATIENCE = 0.2 if "known" in sys.argv else 10.0
"""Seconds after which what is left is left."""


def kinds(hook: Hook, entry: str) -> list[str]:
    """Who runs the loop, and whose it is: a thread of ours, the caller, that with asyncio's."""
    if entry == "map":
        return ["thread"]
    if hook.loop is OurLoop.MADE_AT_THE_SECOND_TRY and entry != "submit":
        return ["thread", "caller"]
    if hook.loop is not OurLoop.PLAIN:
        return ["thread"]
    return (
        ["thread", "foreign"] if entry in ("run_on", "submit") else ["thread", "caller", "foreign"]
    )


def cell(hook: Hook, entry: str, kind: str, debug: bool, error: BaseException) -> Iterator[str]:
    """What is wrong with it."""
    before = resources()
    factory: Any = asyncio.new_event_loop if kind == "foreign" else None
    if hook.loop is OurLoop.MADE_AT_THE_SECOND_TRY:
        factory = raises_once(error)
    elif hook.loop is OurLoop.BAD:
        factory = BadLoop
    bridge = Bridge(entry, "caller" if kind == "caller" else "thread", factory)
    with ThreadPoolExecutor() as threads:
        neighbour = None
        if hook.loop is not OurLoop.MADE_AT_THE_SECOND_TRY:
            bridge.run(set_debug, debug)
            neighbour = Neighbour(bridge, threads, kind)
        outcome = caught(lambda: limited(hook, bridge, error))
        loop_may_end = not hook.raised and not isinstance(error, Exception)
        if not allowed(outcome, error, hook, entry):
            yield f"the caller gets {outcome!r}"
        if neighbour is not None:
            found = caught(neighbour.outcomes)
            for one in found if isinstance(found, list) else [found]:
                harmed = one != "undisturbed"
                if harmed and not (loop_may_end and is_end_of_loop(one)):
                    yield f"another caller gets {one!r}"
        forget_frames(outcome)
        after = caught(lambda: bridge.run(answer))
        if after != ANSWER:
            yield f"the next call gets {after!r}"
        left = [] if hook.leaves_its_task else soon(lambda: bridge.run(tasks_left), [])
        if left:
            yield f"tasks are left: {left}"
        problem = caught(bridge.close)
        if problem is not None:
            yield f"close: {problem!r}"
    del outcome, after, neighbour
    if entry != "map":
        grown = soon(
            lambda: [max(0, one - other) for one, other in zip(resources(), before, strict=True)],
            [0, 0],
        )
        if grown != [0, 0]:
            yield f"left: {grown[0]} threads, {grown[1]} files"


def limited(hook: Hook, bridge: Bridge, error: BaseException) -> Any:
    """A hang is an outcome, too: a TimeoutError."""
    with sideloop.timeout(LIMIT):
        return hook.use(bridge, error)


def allowed(outcome: Any, error: BaseException, hook: Hook, entry: str) -> bool:
    """It is what was raised, or a clear error; or an answer, where asyncio reports it."""
    if outcome is error or (isinstance(outcome, CLEAR) and error in chain(outcome)):
        return True
    if entry == "map" and hook.limited and isinstance(outcome, TimeoutError):
        return True  # it ends the wait for answers, and cancels what makes them afterwards
    return not hook.raised and type(outcome) is int and outcome == ANSWER


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def forget_frames(outcome: Any) -> None:
    """Let go of an iterator that is open still, when what its step raised came from elsewhere."""
    for error in chain(outcome if isinstance(outcome, BaseException) else None):
        error.__traceback__ = None


def is_end_of_loop(outcome: Any) -> bool:
    return outcome == "on a loop that has ended" or isinstance(
        outcome, sideloop.LoopStoppedError | asyncio.CancelledError
    )


def caught(act: Any) -> Any:
    try:
        return act()
    except BaseException as error:
        return error


def soon(look: Any, wanted: Any) -> Any:
    end = time.monotonic() + PATIENCE
    while (found := caught(look)) != wanted and time.monotonic() < end:
        time.sleep(0.005)
    return found


async def set_debug(debug: bool) -> None:
    asyncio.get_running_loop().set_debug(debug)


async def tasks_left() -> list[str]:
    me = asyncio.current_task()
    return [repr(task) for task in asyncio.all_tasks() if task is not me]


def resources() -> tuple[int, int]:
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def grown_since(before: tuple[int, int]) -> list[int]:
    return [max(0, now - then) for now, then in zip(resources(), before, strict=True)]


def main() -> None:
    known = sys.argv[-1] == "known"
    hook, entries = HOOKS[sys.argv[1]], sys.argv[2 : -1 if known else None]
    warnings.simplefilter("ignore")
    sideloop.run_sync(answer)
    gc.collect()
    gc.freeze()  # what is imported takes most of a collection's time, and there are many
    cells = [
        (entry, *cell)
        for entry in entries
        for cell in itertools.product(kinds(hook, entry), (False, True), ERRORS)
    ]
    many_wrong = 0
    for entry, kind, debug, error in cells[:1] if known else cells:
        how = "debug" if debug else "plain"
        print(f"{entry} {kind} {how} {error.__name__}: ", end="", flush=True)
        wrong = list(cell(hook, entry, kind, debug, error("of the hook")))
        print("; ".join(wrong).replace("\n", " ") or "right", flush=True)
        many_wrong += bool(wrong)
        if many_wrong == ENOUGH:
            break


main()
