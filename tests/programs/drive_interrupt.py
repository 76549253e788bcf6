"""Signals that come while the main thread drives a loop. `drive_interrupt.py <what>`.

Says "waiting" when the signal may come.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import weakref
from types import FrameType
from typing import Any

from blocking import block_for_ever
from pacing import scaled

import sideloop

manager = sideloop.LoopManager(drive="caller")
hasty = sideloop.LoopManager(drive="caller", grace=0.2)
runner = sideloop.Runner(drive="caller")

kept: list[Any] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several processes do not mix


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def say_soon(text: str) -> None:
    """Not in the task: a signal that came while its code runs would end it where it is."""
    asyncio.get_running_loop().call_later(0.01, say, text)


async def wait() -> None:
    say_soon("waiting")
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.01)
        say("cleaned up")


def cancels() -> None:
    """The cleanup runs, then KeyboardInterrupt comes, then everything works as before."""

    async def count_tasks() -> int:
        return len(asyncio.all_tasks()) - 1

    try:
        manager.run_sync(wait)
    except KeyboardInterrupt as error:
        say(f"KeyboardInterrupt because of {type(error.__cause__).__name__}")
    say(manager.run_sync(answer))
    say(f"{manager.run_sync(count_tasks)} tasks left")


def passes() -> None:
    """Nobody catches it."""
    runner.run(wait)


def twice() -> None:
    """The cleanup does not end, until there is a second Ctrl-C."""

    async def wait_for_ever_to_clean_up() -> None:
        say_soon("waiting")
        try:
            await asyncio.sleep(600)
        finally:
            say_soon("unwinding")
            await asyncio.sleep(600)

    patient = sideloop.LoopManager(drive="caller", grace=600)
    try:
        patient.run_sync(wait_for_ever_to_clean_up)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(patient.run_sync(answer))
    patient.close(grace=1)


def blocked() -> None:
    """The coroutine blocks its loop: the signal's exception ends it where it is."""

    async def block() -> None:
        say("waiting")
        block_for_ever()

    try:
        manager.run_sync(block)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(manager.run_sync(answer))


def ignored() -> None:
    """The task goes on when it is cancelled."""

    async def stubborn() -> None:
        say_soon("waiting")
        end = time.monotonic() + 60  # longer than the grace
        while time.monotonic() < end:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    try:
        hasty.run_sync(stubborn)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(hasty.run_sync(answer))


def nested() -> None:
    """The call waits for a call, and that one for another."""

    async def level(number: int) -> None:
        if number:
            manager.run_sync(level, number - 1)
        else:
            await wait()

    try:
        manager.run_sync(level, 3)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(manager.run_sync(answer))


def prompt() -> None:
    """Signals at every moment around the loop's way to sleep: each is answered within 50 ms."""
    sent: list[float] = []
    asked: list[float] = []
    asking = threading.Event()

    def send() -> None:
        while True:
            asking.wait()
            asking.clear()
            delay = asked.pop()
            if delay < 0:
                return
            end = time.perf_counter() + delay
            while time.perf_counter() < end:
                pass
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    async def ask(delay: float) -> None:
        asked.append(delay)
        asking.set()
        await asyncio.sleep(0.1)

    sender = threading.Thread(target=send)
    sender.start()

    def is_late(delay: float) -> bool:
        try:
            manager.run_sync(ask, delay)
        except KeyboardInterrupt:
            return time.monotonic() - sent[-1] > scaled(0.05)
        return True

    late = sum(is_late(number % 25 * 1e-6) for number in range(200))
    asked.append(-1)
    asking.set()
    sender.join()
    say(f"{late} of 200 answered late")


def closes() -> None:
    """The signal comes while `close` unwinds a task that takes its time."""

    async def slow_to_unwind() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            say_soon("waiting")
            await asyncio.sleep(600)

    async def start() -> None:
        kept.append(asyncio.get_running_loop().create_task(slow_to_unwind()))
        await asyncio.sleep(0)

    patient = sideloop.Runner(drive="caller", grace=1)
    patient.run(start)
    try:
        patient.close()
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    else:
        say("nothing")


def handler_calls() -> None:
    """A signal handler calls, 200 times a second, while a call waits and between calls."""
    handled: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        handled.append(manager.run_sync(answer))

    async def until(count: int) -> None:
        while len(handled) < count:
            await asyncio.sleep(0.001)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, scaled(0.005), scaled(0.005))
    for _ in range(2):
        manager.run_sync(until, len(handled) + 20)
        for _ in range(500):
            assert manager.run_sync(answer) == 42
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(set(handled))


def makes(where: str) -> None:
    """Ctrl-C comes in the Python code of asyncio's that makes a task, behind its first step."""

    async def make_another() -> None:
        coro = answer()
        try:
            await asyncio.create_task(coro)
        except KeyboardInterrupt:
            coro.close()
            raise

    async def count_tasks() -> int:
        return len(asyncio.all_tasks()) - 1

    patched: Any = weakref.WeakSet
    add = patched.add

    def press(tasks: Any, task: Any) -> None:
        add(tasks, task)
        if where == "call" or "answer" in repr(task.get_coro()):
            patched.add = add
            signal.raise_signal(signal.SIGINT)

    manager.run_sync(answer)
    patched.add = press
    try:
        manager.run_sync(answer if where == "call" else make_another)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(manager.run_sync(answer))
    say(f"{manager.run_sync(count_tasks)} tasks left")


def debugged(moment: str) -> None:
    """Ctrl-C comes in the Python code of asyncio's that schedules a callback in debug mode: in each
    in turn, before it is scheduled or after.
    """
    debugged = sideloop.Runner(drive="caller", debug=True, grace=1)
    began: list[int] = []
    ended: list[int] = []

    async def wait_for(future: asyncio.Future[None]) -> None:
        began.append(1)
        try:
            await future
        finally:
            ended.append(1)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        began.append(1)
        try:
            await asyncio.sleep(0)
            future = loop.create_future()
            tasks += (loop.create_task(wait_for(future)) for _ in range(3))
            await asyncio.sleep(0.001)
            loop.call_soon(lambda: future.done() or future.set_result(None))
            await asyncio.gather(*tasks)
        finally:
            ended.append(1)
            for task in tasks:
                task.cancel()
            while not all(task.done() for task in tasks):
                with contextlib.suppress(asyncio.CancelledError):  # pressed just here
                    await asyncio.wait(tasks)

    base: Any = asyncio.BaseEventLoop
    name = {"before": "_check_callback", "after": "_call_soon"}[moment]
    original = getattr(base, name)
    pressed = heard = 0
    calls = -1

    def press(*args: Any) -> Any:
        nonlocal calls, pressed
        calls += 1
        found = original(*args)
        if calls == pressed:
            signal.raise_signal(signal.SIGINT)
        return found

    debugged.run(work)
    setattr(base, name, press)
    while calls < 0 or pressed <= calls:
        calls = -1
        try:
            debugged.run(work)
        except KeyboardInterrupt:
            heard += 1
            pressed += 1
        else:
            break
    setattr(base, name, original)
    say(f"{pressed - heard} of some unheard, {len(began) - len(ended)} lost")
    assert pressed > 8, pressed
    say(debugged.run(answer))
    debugged.close()


def alarmed(where: str) -> None:
    """A handler raises an error of an ordinary class, inside of a callback of the loop's."""

    class AlarmError(Exception):
        pass

    def ring(number: int, frame: FrameType | None) -> None:
        raise AlarmError

    def callback(*args: object) -> None:
        signal.raise_signal(signal.SIGALRM)

    async def stay() -> None:
        loop = asyncio.get_running_loop()
        if where == "soon":
            loop.call_soon(callback)
        elif where == "later":
            loop.call_later(0.01, callback)
        else:
            asyncio.create_task(asyncio.sleep(0)).add_done_callback(callback)
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0.01)
            say("cleaned up")

    async def items() -> Any:
        await stay()
        yield 1

    signal.signal(signal.SIGALRM, ring)
    ways: list[Any] = [
        lambda: manager.run_sync(stay),
        lambda: list(manager.iterate(items())),
        lambda: list(manager.map(lambda _: stay(), [1])),
    ]
    for way in ways:
        try:
            way()
        except AlarmError:
            say("AlarmError")
        say(manager.run_sync(answer))


def terminated() -> None:
    """A SIGTERM handler exits, as many services have it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    manager.run_sync(wait)


globals()[sys.argv[1]](*sys.argv[2:])
