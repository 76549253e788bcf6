"""Forks: the child's first call works, and the parent's calls are undisturbed.

`fork.py <what> <kind of loop> [<count>]`. A child says nothing when all is well: its exit code is
0.
"""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import talks
from pacing import scaled
from talks import FACTORY, StreamTalk, Talk, add, check, manager, runner, shared

import sideloop


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
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid


def reap(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status


def never_called() -> None:
    """Before the parent has called anything."""
    reap(child(check))
    check()


def idle() -> None:
    """The parent's loops wait for work."""
    check()
    with Talk(runner.run) as talk, Talk(manager.run_sync) as other:
        for _ in range(3):
            reap(child(check))
            talk.check()
            other.check()
    check()


def exits() -> None:
    """The child ends as programs do, with all its cleaning up."""
    check()
    kind = Talk if FACTORY else StreamTalk
    with kind(runner.run) as talk, kind(manager.run_sync) as other:
        for what in (check, lambda: None):
            pid = os.fork()
            if pid == 0:
                what()
                sys.exit(0)
            reap(pid)
            talk.check()
            other.check()
    check()


def collects() -> None:
    """The child closes and drops all that it has inherited."""
    global manager, shared, runner  # to drop them

    check()

    def close() -> None:
        for one in (manager, shared, runner, sideloop.loop_manager):
            one.close()

    def drop() -> None:
        for name in ("manager", "shared", "runner"):
            del globals()[name]
            delattr(talks, name)
        gc.collect()

    def close_and_drop() -> None:
        close()
        drop()

    with Talk(runner.run) as talk, Talk(manager.run_sync) as other:
        for what in (close, drop, close_and_drop):
            reap(child(what))
            talk.check()
            other.check()
    check()


def in_flight() -> None:
    """A second thread waits in a call while the main thread forks."""
    check()
    for run in (manager.run_sync, shared.run_sync, runner.run):
        fork_in_flight(run)
    check()


def fork_in_flight(run: Callable[..., Any]) -> None:
    waiting, said = threading.Event(), []
    gates: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def wait() -> str:
        gates.append((asyncio.get_running_loop(), asyncio.Event()))
        waiting.set()
        await gates[0][1].wait()
        return "undisturbed"

    with Talk(run) as talk:
        thread = threading.Thread(target=lambda: said.append(run(wait)))
        thread.start()
        assert waiting.wait(20)
        reap(child(check))
        talk.check()
        loop, gate = gates[0]
        loop.call_soon_threadsafe(gate.set)
        thread.join()
        assert said == ["undisturbed"]


def second_thread() -> None:
    """A second thread forks while the main thread waits in a call."""
    check()
    forked = threading.Event()

    async def wait_for_fork() -> str:
        while not forked.is_set():
            await asyncio.sleep(0.001)
        return "undisturbed"

    def fork() -> None:
        check()
        reap(child(check))
        forked.set()

    for run in (manager.run_sync, shared.run_sync, runner.run):
        forked.clear()
        thread = threading.Thread(target=fork)
        thread.start()
        assert run(wait_for_fork) == "undisturbed"
        thread.join()
    check()


def inside() -> None:
    """A coroutine forks, on the loop thread."""
    check()

    async def fork() -> None:
        await asyncio.sleep(0)
        pid = child(check)
        await asyncio.sleep(0.001)
        reap(pid)
        await asyncio.sleep(0.001)

    for run in (manager.run_sync, shared.run_sync, runner.run):
        run(fork)
        with Talk(run) as talk:
            run(fork)
            talk.check()
    check()


def grandchild() -> None:
    """A child forks again."""
    check()
    with Talk(runner.run) as talk:

        def child_that_forks() -> None:
            check()
            with Talk(runner.run) as own:
                reap(child(check))
                own.check()
            check()

        reap(child(child_that_forks))
        talk.check()


def add_in_child(number: int) -> int:
    return sideloop.run_sync(add, number, b=1)


def multiprocess() -> None:
    """multiprocessing's way to fork: single processes, and a pool that was forked in advance."""
    check()
    context = multiprocessing.get_context("fork")
    with Talk(runner.run) as talk:
        processes = [context.Process(target=check) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            assert process.exitcode == 0
        talk.check()
        with context.Pool(2) as pool:
            assert pool.map(add_in_child, range(20)) == list(range(1, 21))
            talk.check()
            pool.close()
            pool.join()
        talk.check()
    check()


def prefork() -> None:
    """A server that forks its workers in advance, and forks another one when one ends."""
    requests = 5
    listening = socket.create_server(("127.0.0.1", 0))

    async def answer(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"hello\n")
        answered = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answered

    def work() -> None:
        for number in range(requests):
            run = (manager.run_sync, shared.run_sync, runner.run)[number % 3]
            connection, _ = listening.accept()
            connection.setblocking(False)
            run(answer, connection)

    check()
    with Talk(runner.run) as talk:
        workers = [child(work) for _ in range(4)]
        for number in range(6 * requests):
            run = (manager.run_sync, shared.run_sync, runner.run)[number % 3]
            assert run(ask) == b"HELLO\n"
            talk.check()
            # In time, so that there is always a worker to answer.
            if number in (4, 9):
                workers.append(child(work))
        for worker in workers:
            reap(worker)
        talk.check()
    listening.close()
    check()


def under_load() -> None:
    """Forks while other threads call without end."""
    enough = threading.Event()

    def call() -> None:
        while not enough.is_set():
            for run in (manager.run_sync, shared.run_sync, runner.run):
                assert run(add, 10, b=12) == 22

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(int(sys.argv[3])):
        reap(child(check))
    enough.set()
    for caller in callers:
        caller.join()
    check()


def let_loops_sleep() -> None:
    """No condition tells when they do.

    While a thread asks for the interpreter lock, a fork that bypasses CPython inherits that lock's
    mutex held, and nobody can run Python in the child.
    """
    time.sleep(0.1)


def submitted() -> None:
    """Futures of calls that run when the process forks: the outcome is the parent's."""
    futures = [one.submit(add, 10, b=12) for one in (manager, shared, runner)]
    over = threading.Event()
    waiting = [one.submit(wait_for, over) for one in (manager, shared, runner)]
    for future in futures:
        assert future.result() == 22

    def in_the_child() -> None:
        assert [future.result() for future in futures] == [22] * 3
        for future in waiting:
            for ask in (future.result, future.exception):
                refused = ""
                try:
                    ask()
                except RuntimeError as error:
                    refused = str(error)
                assert "submitted before the fork" in refused
        assert waiting[0].cancel()
        assert waiting[0].cancelled()
        check()
        for one in (manager, shared, runner):
            assert one.submit(add, 10, b=12).result() == 22
            assert list(one.map(abs_later, [-1, -2])) == [1, 2]
        gc.collect()

    for _ in range(3):
        reap(child(in_the_child))
    over.set()
    assert [future.result() for future in waiting] == ["over"] * 3


def closing() -> None:
    """A `with` block around a fork: the child closes its own loops, and the parent's go on."""
    with sideloop.LoopManager(loop_factory=FACTORY, scope="process") as outer:

        def in_the_child() -> None:
            with outer:
                assert outer.run_sync(add, 10, b=12) == 22
            assert outer.runners() == []

        with Talk(outer.run_sync) as talk:
            for _ in range(3):
                reap(child(in_the_child))
                talk.check()


async def wait_for(event: threading.Event) -> str:
    while not event.is_set():
        await asyncio.sleep(0.001)
    return "over"


async def abs_later(n: int) -> int:
    await asyncio.sleep(0)
    return abs(n)


def by_a_handler() -> None:
    """A signal handler forks while the main thread waits: the loop's thread is the parent's."""
    pids: list[int] = []

    async def items(n: int) -> AsyncGenerator[int, None]:
        await asyncio.sleep(scaled(0.15))
        yield n

    waits: list[Callable[[], object]] = [
        lambda: runner.run(asyncio.sleep, scaled(0.15), 1),
        lambda: manager.run_sync(asyncio.sleep, scaled(0.15), 1),
        lambda: next(runner.iterate(items(1))),
        lambda: next(manager.map(partial(asyncio.sleep, scaled(0.15)), [1])),
        lambda: runner.submit(asyncio.sleep, scaled(0.15), 1).result(),
    ]
    signal.signal(signal.SIGALRM, lambda *_: pids.append(os.fork()))
    for wait in waits:
        signal.setitimer(signal.ITIMER_REAL, scaled(0.05))
        code, found = 1, None
        try:
            found = wait()
        except RuntimeError as error:
            code = 0 if "before the fork" in str(error) else 2
            if pids[-1] == 0:
                check()
        finally:
            if pids[-1] == 0:
                os._exit(code)
        assert found == 1
        reap(pids[-1])
        check()


def tasks_dropped() -> None:
    """The child drops what has a task of its own on the parent's loop, as a worker does."""
    kept: list[Any] = []

    async def wait(future: "asyncio.Future[None]") -> None:
        await future

    async def keep() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        # Nothing else has them: the loop knows its tasks weakly.
        kept.append((loop.create_task(wait(future)), future))
        await asyncio.sleep(0)

    async def cancel_pending() -> bool:
        """Those of this loop, which would be dropped by the parent, too, at the end."""
        here = [task for task, _ in kept if task.get_loop() is asyncio.get_running_loop()]
        return all(task.cancel() for task in here) and len(here) > 0

    def drop() -> None:
        kept.clear()
        gc.collect()
        check()

    runs = (manager.run_sync, shared.run_sync, runner.run)
    for run in runs:
        run(keep)
    reap(child(drop))
    assert all(run(cancel_pending) for run in runs)
    check()


def inherited_loop() -> None:
    """In the child a loop says that it runs, whose thread is the parent's."""
    loop = FACTORY() if FACTORY is not None else sideloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    assert sideloop.run_on(loop, add, 10, b=12) == 22

    def in_the_child() -> None:
        with contextlib.suppress(sideloop.LoopStoppedError):
            sideloop.run_on(loop, add, 10, b=12)
            raise AssertionError("it was not refused")
        check()

    reap(child(in_the_child))
    assert sideloop.run_on(loop, add, 10, b=12) == 22
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    check()


def from_c() -> None:
    """C code forks, and none of Python's at-fork hooks run."""
    check()
    # PyDLL keeps the interpreter lock: whether the child gets it is not the question here.
    library = ctypes.PyDLL(None)
    with Talk(runner.run) as talk, Talk(manager.run_sync) as other:
        for _ in range(3):
            let_loops_sleep()
            pid = library.fork()
            if pid == 0:
                code = 1
                with contextlib.suppress(BaseException):
                    check()
                    code = 0
                os._exit(code)
            reap(pid)
            talk.check()
            other.check()
    check()


def from_c_detached() -> None:
    """The same through a library that releases the interpreter lock, as most do."""
    check()
    library = ctypes.CDLL(None)
    for _ in range(3):
        let_loops_sleep()
        pid = library.fork()
        if pid == 0:
            code = 1
            with contextlib.suppress(BaseException):
                check()
                code = 0
            os._exit(code)
        reap(pid)
    check()


globals()[sys.argv[1]]()
print("the parent is undisturbed")
