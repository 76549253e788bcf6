"""Signals that come while the main thread waits for a call.

`interrupt.py <what> <kind of loop>`: says "waiting" when the signal may come.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import threading
import time
from types import FrameType

from kinds import loop_factory
from pacing import scaled

import sideloop

FACTORY = loop_factory(sys.argv[2])
manager = sideloop.LoopManager(loop_factory=FACTORY)
hasty = sideloop.LoopManager(loop_factory=FACTORY, grace=0.2)
patient = sideloop.LoopManager(loop_factory=FACTORY, grace=600)


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several threads do not mix


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def count_tasks() -> int:
    return len(asyncio.all_tasks()) - 1


async def wait(seconds: float = 600) -> None:
    say("waiting")
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(0.05)
        say("cleaned up")


def cancels() -> None:
    """The cleanup runs, then KeyboardInterrupt comes, then everything works as before."""
    try:
        manager.run_sync(wait)
    except KeyboardInterrupt as error:
        say(f"KeyboardInterrupt because of {type(error.__cause__).__name__}")
    say(manager.run_sync(answer))
    say(f"{manager.run_sync(count_tasks)} tasks left")


def again() -> None:
    """Three times in a row."""
    for _ in range(3):
        with contextlib.suppress(KeyboardInterrupt):
            manager.run_sync(wait)
    say(manager.run_sync(answer))


def passes() -> None:
    """Nobody catches it."""
    manager.run_sync(wait)


def twice() -> None:
    """The cleanup does not end, until there is a second Ctrl-C."""

    async def wait_for_ever_to_clean_up() -> None:
        say("waiting")
        try:
            await asyncio.sleep(600)
        finally:
            say("unwinding")
            await asyncio.sleep(600)

    try:
        patient.run_sync(wait_for_ever_to_clean_up)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(patient.run_sync(answer))
    patient.close(grace=1)


def blocked() -> None:
    """The coroutine blocks its loop, so that it cannot hear."""
    release = threading.Event()

    async def block() -> None:
        say("waiting")
        release.wait(600)

    try:
        hasty.run_sync(block)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(hasty.run_sync(answer))
    release.set()


def ignored() -> None:
    """The task goes on when it is cancelled."""

    async def stubborn() -> None:
        say("waiting")
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
    say(hasty.run_sync(answer))


def handler_calls() -> None:
    """A signal handler calls run_sync itself, 200 times a second, while a call waits."""
    handled: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        handled.append(manager.run_sync(answer))

    signal.signal(signal.SIGALRM, handler)
    # Faster than a call is made, each handler would interrupt the one before, without an end.
    signal.setitimer(signal.ITIMER_REAL, scaled(0.005), scaled(0.005))

    async def until(count: int) -> int:
        while len(handled) < count:
            await asyncio.sleep(0.001)
        return count

    for _ in range(2):  # in a call that waits, and in calls one after the other
        say(manager.run_sync(until, len(handled) + 20) > 0)
        for _ in range(500):
            assert manager.run_sync(answer) == 42
    with sideloop.timeout(60):
        manager.run_sync(until, len(handled) + 5)
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(set(handled))


ENOUGH = 60


def handler_calls_first() -> None:
    """The handler's call comes while the first call of the thread makes its loop."""
    handled: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        handled.append(managers[-1].run_sync(answer))
        # Not all the time: where the machine is busy each handler would interrupt the one before.
        if len(handled) < ENOUGH:  # else it would at the exit, which may be near
            signal.setitimer(signal.ITIMER_REAL, 0.002)

    managers = [manager]
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    while len(handled) < ENOUGH:
        managers.append(sideloop.LoopManager(loop_factory=FACTORY, scope="process"))
        assert managers[-1].run_sync(answer) == 42
        managers[-1].close()
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(set(handled))


def terminated() -> None:
    """A SIGTERM handler exits, as many services have it."""

    def handler(number: int, frame: FrameType | None) -> None:
        sys.exit(7)

    signal.signal(signal.SIGTERM, handler)
    manager.run_sync(wait)


def raises() -> None:
    """A handler raises an error of the user's."""

    class ReloadError(Exception):
        pass

    def handler(number: int, frame: FrameType | None) -> None:
        raise ReloadError("now")

    signal.signal(signal.SIGHUP, handler)
    try:
        manager.run_sync(wait)
    except ReloadError as error:
        say(f"ReloadError: {error}")


def raises_with_a_cause() -> None:
    """A handler raises an error that has a cause of its own."""
    reason = OSError("the reason")

    def handler(number: int, frame: FrameType | None) -> None:
        raise LookupError from reason

    signal.signal(signal.SIGHUP, handler)
    try:
        manager.run_sync(wait)
    except LookupError as error:
        say(error.__cause__ is reason)
        say(type(error.__context__).__name__)


def raises_in_a_time_limit() -> None:
    """Ctrl-C comes while the task unwinds since its time is over."""

    async def unwinds_slowly() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            say("waiting")
            await asyncio.sleep(60)

    try:
        with sideloop.timeout(scaled(0.1)):
            patient.run_sync(unwinds_slowly)
    except BaseException as error:
        say(f"{type(error).__name__} after {type(error.__context__).__name__}")
    patient.close(grace=0.1)


def raises_twice() -> None:
    """The second signal's handler raises something else than the first one's."""

    def handler(number: int, frame: FrameType | None) -> None:
        sys.exit(7)

    async def unwinds_slowly() -> None:
        say("waiting")
        try:
            await asyncio.sleep(60)
        finally:
            say("unwinding")
            await asyncio.sleep(60)

    signal.signal(signal.SIGTERM, handler)
    try:
        patient.run_sync(unwinds_slowly)
    except BaseException as error:
        say(f"{type(error).__name__} after {type(error.__context__).__name__}")
    patient.close(grace=0.1)


def raises_in_the_warning() -> None:
    """Ctrl-C comes while a call that is left behind is named."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # its signature
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(100_000):
                pass

    async def stubborn() -> None:
        end = time.monotonic() + scaled(1)
        while time.monotonic() < end:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    logging.getLogger("sideloop").addHandler(Handler())
    try:
        with sideloop.timeout(scaled(0.1)):
            hasty.run_sync(stubborn)
    except BaseException as error:
        say(f"{type(error).__name__} after {type(error.__context__).__name__}")
    say(hasty.run_sync(answer))


def harmless() -> None:
    """A handler that returns does not end the call."""
    heard: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _frame: heard.append(number))

    async def until_heard() -> str:
        say("waiting")
        while not heard:
            await asyncio.sleep(0.001)
        return "heard"

    say(manager.run_sync(until_heard))


def prompt() -> None:
    """How long each of eight takes to be answered, in milliseconds."""
    delays: list[float] = []

    async def interrupt_myself() -> None:
        start.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(600)

    start: list[float] = []

    def once() -> None:
        try:
            manager.run_sync(interrupt_myself)
        except KeyboardInterrupt:
            delays.append(time.monotonic() - start[-1])

    for _ in range(8):
        once()
    say(" ".join(str(int(delay * 1000)) for delay in delays))


def storm() -> None:
    """Signals faster than calls unwind: nothing but KeyboardInterrupt comes out."""
    signals = 200
    strays: list[BaseException] = []
    interrupted: list[int] = []
    over, ended = threading.Event(), threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        # Only inside a call, so that the interrupts do not hit the test's own bookkeeping.
        while frame is not None:
            if frame.f_code is sideloop.LoopManager.run_sync.__code__:
                raise KeyboardInterrupt
            frame = frame.f_back

    def pepper() -> None:
        for number in itertools.count():
            if number == signals:
                over.set()
            if ended.wait(0.004):
                return
            os.kill(os.getpid(), signal.SIGINT)  # the last ones end the last call

    async def sleep() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)

    def attempt() -> None:
        try:
            manager.run_sync(sleep)
        except KeyboardInterrupt:
            interrupted.append(1)
        except BaseException as error:
            strays.append(error)

    async def settle() -> None:
        # Calls that were left behind have been cancelled; what is left of them now ends.
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.001)

    if FACTORY is not None:
        manager.run_sync(answer)  # Nobody closes one that is interrupted while it is made.
    signal.signal(signal.SIGINT, handler)
    sender = threading.Thread(target=pepper)
    sender.start()
    while not over.is_set():
        attempt()
    ended.set()
    sender.join()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say(f"{strays} strays")
    say(f"interrupted: {len(interrupted) > 10}")
    with sideloop.timeout(20):
        manager.run_sync(settle)
    say(manager.run_sync(answer))


globals()[sys.argv[1]]()
