"""The collector runs at every allocation that it could run at. `garbage.py <kind of loop>`."""

import asyncio
import contextlib
import gc
import sys
import threading

from kinds import loop_factory

import sideloop

FACTORY = loop_factory(sys.argv[1])


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("why")


def call() -> None:
    """Make loops, call, fail, nest, time out, and close."""

    async def nested() -> int:
        return manager.run_sync(answer)

    for scope in ("thread", "process"):
        manager = sideloop.LoopManager(loop_factory=FACTORY, scope=scope)
        assert manager.run_sync(nested) == 42
        with contextlib.suppress(ValueError):
            manager.run_sync(fail)
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.001):
            manager.run_sync(asyncio.sleep, 60)
        manager.close()


gc.set_threshold(1, 1, 1)
for number in range(1000):
    # Dictionaries that the interpreter keeps for reuse are no allocations: use them up.
    kept: list[dict[str, int]] = [{} for _ in range(number % 100)]
    with sideloop.Runner(loop_factory=FACTORY) as runner:
        assert runner.run(answer) == 42
callers = [threading.Thread(target=call) for _ in range(2)]
for caller in callers:
    caller.start()
for _ in range(3):
    call()
for caller in callers:
    caller.join()
print("no crash")
