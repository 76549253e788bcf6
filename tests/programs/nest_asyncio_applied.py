"""nest_asyncio, applied before the first call, or by one: `before|inside <drive>`."""

import asyncio
import contextlib
import sys
from typing import Any, Literal, cast

import nest_asyncio  # type: ignore[import-untyped]

import sideloop

when, drive = sys.argv[1], cast("Literal['thread', 'caller']", sys.argv[2])
if when == "before":
    nest_asyncio.apply()


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0.01)
    return a + b


async def nested(depth: int) -> int:
    """What a library does that relies on nest_asyncio."""
    loop = asyncio.get_event_loop()
    other = asyncio.create_task(add(depth, 1))
    if depth:
        assert loop.run_until_complete(nested(depth - 1)) == 3
    assert loop.run_until_complete(add(1, 2)) == 3
    assert asyncio.run(add(2, 3)) == 5
    assert await other == depth + 1
    # Since CPython 3.14 that does not know of tasks in Python, which nest_asyncio has them be.
    assert asyncio.current_task() is not None or sys.version_info >= (3, 14)
    return 3


async def fails() -> None:
    async def inner() -> None:
        raise LookupError("inner")

    asyncio.get_event_loop().run_until_complete(inner())


async def apply() -> None:
    nest_asyncio.apply()


manager: Any = sideloop.LoopManager(drive=drive, grace=0.5)
# Loops of others are nested if nest_asyncio has patched their class.
theirs = drive == "thread" and when == "before"
runner = sideloop.Runner(loop_factory=asyncio.new_event_loop) if theirs else None
with sideloop.timeout(10):
    if when == "inside":
        manager.run_sync(apply)
    for _ in range(2):
        assert manager.run_sync(nested, 2) == 3
        assert manager.run_sync(add, 1, 2) == 3
        with contextlib.suppress(LookupError):
            manager.run_sync(fails)
            raise AssertionError("no error")
    if runner is not None:
        assert runner.run(nested, 2) == 3
        runner.close()
try:
    with sideloop.timeout(0.05):
        manager.run_sync(asyncio.sleep, 60)
except TimeoutError:
    pass
manager.close()
# The loops of others are as nest_asyncio makes them.
assert asyncio.run(add(1, 2)) == 3
print("ok", flush=True)
