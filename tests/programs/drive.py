"""Loops that the caller drives: exits, forks and signals. `drive.py <what>`.

Says "waiting" when a signal may come. A fork's child says nothing when all is well.
"""

import asyncio
import atexit
import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any


def after_ours() -> None:
    """The first call comes in an atexit handler that runs after sideloop's own."""


def call_after_ours() -> None:
    if sys.argv[1] == "after_ours":
        say(manager.run_sync(answer))


atexit.register(call_after_ours)  # before sideloop registers its own

import sideloop  # noqa: E402  # see above

manager = sideloop.LoopManager(drive="caller")
hasty = sideloop.LoopManager(drive="caller", grace=0.2)
runner = sideloop.Runner(drive="caller")

kept: list[Any] = []


def say(text: object) -> None:
    os.write(1, f"{text}\n".encode())  # at once, so that lines of several processes do not mix


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def wait() -> None:
    say("waiting")
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.01)
        say("cleaned up")


async def leave(name: str) -> None:
    """Leave a task on the loop, which has something to clean up."""

    async def task() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0.01)
            say(f"{name} cleaned up")

    kept.append(asyncio.get_running_loop().create_task(task()))
    await asyncio.sleep(0)


# Exits


def pending() -> None:
    """Tasks that nobody ended, on loops of every kind of owner."""

    async def leave_nested() -> None:
        manager.run_sync(leave, "nested")

    manager.run_sync(leave, "main")
    manager.run_sync(leave_nested)
    runner.run(leave, "runner")
    entered = threading.Event()

    def work() -> None:
        manager.run_sync(leave, "thread")
        entered.set()
        time.sleep(0.1)

    threading.Thread(target=work).start()  # it ends after the main thread
    assert entered.wait(20)


def daemons() -> None:
    """Daemon threads: one has a loop, one waits in a call, two call and make loops without end."""
    ready = threading.Barrier(5)

    def idle() -> None:
        manager.run_sync(answer)
        ready.wait(20)
        time.sleep(600)

    def waits() -> None:
        async def wait_for_ever() -> None:
            ready.wait(20)
            await asyncio.Event().wait()

        manager.run_sync(wait_for_ever)

    def calls() -> None:
        ready.wait(20)
        with contextlib.suppress(RuntimeError):  # the interpreter ends
            while True:
                manager.run_sync(answer)
                with sideloop.Runner(drive="caller") as own:
                    own.run(answer)

    for work in (idle, waits, calls, calls):
        threading.Thread(target=work, daemon=True).start()
    ready.wait(20)


def before_ours() -> None:
    """The first call comes in an atexit handler that runs before sideloop's own."""
    atexit.register(lambda: say(manager.run_sync(answer)))


# Forks


def check() -> None:
    """Every way to call works here, also nested, and more than once."""

    async def nested() -> int:
        return manager.run_sync(answer)

    for _ in range(2):
        for run in (manager.run_sync, runner.run, hasty.run_sync):
            assert run(answer) == 42
            assert run(nested) == 42


def child(inside: Callable[[], object]) -> int:
    """Fork, and do this in the child, which ends at once."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            inside()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def reap(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status


def fork_idle() -> None:
    """Before the first call and after, and the child closes what it has inherited."""
    reap(child(check))
    check()
    loop = manager.run_sync(running)

    def close_and_check() -> None:
        for one in (manager, hasty):
            one.close()
        check()
        runner.close()

    for inside in (check, close_and_check):
        reap(child(inside))
        assert manager.run_sync(running) is loop
        check()
    say("the parent is undisturbed")


async def running() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def fork_inside() -> None:
    """A coroutine forks, while its loop is driven."""

    async def fork() -> None:
        await asyncio.sleep(0.001)
        pid = child(check)
        await asyncio.sleep(0.001)
        reap(pid)
        await asyncio.sleep(0.001)

    check()
    for run in (manager.run_sync, runner.run):
        for _ in range(2):
            run(fork)
    check()
    say("the parent is undisturbed")


def fork_on_a_thread() -> None:
    """A thread forks, and the loops are those of the main thread."""
    check()
    with contextlib.suppress(DeprecationWarning):
        thread = threading.Thread(target=lambda: reap(child(check_elsewhere)))
        thread.start()
        thread.join()
    check()
    say("the parent is undisturbed")


def check_elsewhere() -> None:
    """The child's thread is another one than drove the loops before."""
    check()
    assert threading.active_count() == 1


def fork_exits() -> None:
    """The child ends as programs do, and the parent's task is not its own."""
    manager.run_sync(leave, "parent")
    pid = os.fork()
    if pid == 0:
        check()
        sys.exit(0)
    reap(pid)
    check()
    say("the parent is undisturbed")


def fork_from_c_exits() -> None:
    """The same with none of Python's at-fork hooks."""
    manager.run_sync(leave, "parent")
    # PyDLL keeps the interpreter lock: whether the child gets it is not the question here.
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        check()
        sys.exit(0)
    reap(pid)
    check()
    say("the parent is undisturbed")


# Signals


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
        say("waiting")
        try:
            await asyncio.sleep(600)
        finally:
            # Not here: the signal would end the task if it came while this code runs.
            asyncio.get_running_loop().call_later(0.01, say, "unwinding")
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
        time.sleep(600)

    try:
        manager.run_sync(block)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    say(manager.run_sync(answer))


def ignored() -> None:
    """The task goes on when it is cancelled."""

    async def stubborn() -> None:
        say("waiting")
        end = time.monotonic() + 2  # longer than the grace
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
            return time.monotonic() - sent[-1] > 0.05
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
            say("waiting")
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
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    for _ in range(2):
        manager.run_sync(until, len(handled) + 20)
        for _ in range(500):
            assert manager.run_sync(answer) == 42
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(set(handled))


def terminated() -> None:
    """A SIGTERM handler exits, as many services have it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    manager.run_sync(wait)


globals()[sys.argv[1]]()
