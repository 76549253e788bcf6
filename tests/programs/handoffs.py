"""Every kind of hand-off between threads, many times: what the sanitizers watch.

`handoffs.py <rounds>`: without forks and signals, which ThreadSanitizer does not follow.
"""

import asyncio
import contextlib
import gc
import itertools
import sys
import threading
from collections.abc import Callable

import sideloop

ROUNDS = int(sys.argv[1])


class CustomError(Exception):
    """What a coroutine raises here."""


async def at_once(number: int) -> int:
    return number


async def later(number: int) -> int:
    await asyncio.sleep(0.0001)
    return number


async def fail() -> None:
    await asyncio.sleep(0)
    raise CustomError


async def run_exits() -> None:
    raise SystemExit


def call(run: Callable[..., int]) -> None:
    """Answers, errors, time limits."""
    for number in range(ROUNDS):
        assert run(at_once, number) == number
        assert run(later, number) == number
        with contextlib.suppress(CustomError):
            run(fail)
        with contextlib.suppress(SystemExit):
            run(run_exits)
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.0002):
            run(asyncio.sleep, 0.0001 * (number % 4), result=number)


def nest(manager: sideloop.LoopManager) -> None:
    async def level(depth: int) -> int:
        if depth:
            return manager.run_sync(level, depth - 1) + 1
        return await later(0)

    for _ in range(ROUNDS // 10 + 1):
        assert manager.run_sync(level, 4) == 4


def stop(runners: "itertools.cycle[sideloop.Runner]", enough: threading.Event) -> None:
    """End loops under the calls of others."""

    async def stop_loop() -> None:
        asyncio.get_running_loop().stop()

    for runner in runners:
        if enough.wait(0.002):
            return
        with contextlib.suppress(sideloop.LoopStoppedError, sideloop.RunnerClosedError):
            runner.run(stop_loop)


def call_whatever_comes(runner: sideloop.Runner, enough: threading.Event) -> None:
    while not enough.is_set():
        with contextlib.suppress(sideloop.LoopStoppedError, sideloop.RunnerClosedError):
            assert runner.run(later, 5) == 5


def together(*acts: Callable[[], object]) -> None:
    """Each on a thread of its own, until all have ended."""
    failed: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def all_kinds(factory: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
    """Loops of one thread, of the process, and of a runner, used at once."""
    own = sideloop.LoopManager(loop_factory=factory)
    shared = sideloop.LoopManager(loop_factory=factory, scope="process")
    with sideloop.Runner(loop_factory=factory) as runner:
        runs = (own.run_sync, shared.run_sync, runner.run) * 2
        together(*(lambda run=run: call(run) for run in runs), lambda: nest(own))
    own.close()
    shared.close()


def ends(factory: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
    """Loops that end while threads call."""
    enough = threading.Event()
    ender = threading.Timer(ROUNDS * 0.005, enough.set)
    runners = [sideloop.Runner(loop_factory=factory) for _ in range(2)]
    ender.start()
    together(
        *(lambda one=one: call_whatever_comes(one, enough) for one in runners * 2),
        lambda: stop(itertools.cycle(runners), enough),
    )
    for runner in runners:
        runner.close()


def driven() -> None:
    """Loops that their callers drive."""
    manager = sideloop.LoopManager(drive="caller")
    together(*(lambda: call(manager.run_sync) for _ in range(2)), lambda: nest(manager))


for factory in (None, asyncio.new_event_loop):
    all_kinds(factory)
    ends(factory)
    gc.collect()
driven()
print("every answer was right")
