"""A call from each place of `contract/python.toml`. `contexts.py <place> <kind>`.

Says what comes of it: the answer, or the name of the error. Then the main thread calls, if it still
lives.
"""

import sys

if sys.argv[1].startswith("gevent"):
    from gevent import monkey

    # As gevent wants it: before anything else is imported.
    if sys.argv[1] == "gevent_without_threads":
        unpatched = ("thread", "select", "queue", "subprocess", "os", "signal")
        monkey.patch_all(**dict.fromkeys(unpatched, False))
    else:
        monkey.patch_all()

import _thread
import asyncio
import atexit
import ctypes
import gc
import importlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any


def report_after_ours() -> None:
    if sys.argv[1] == "atexit_after_ours":
        report()


atexit.register(report_after_ours)  # before sideloop registers its own, so that it runs after

# A fork of a process with threads is what some of this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

import sideloop  # noqa: E402  # see above


def options(kind: str) -> dict[str, Any]:
    if kind == "uvloop":
        import uvloop

        return {"loop_factory": uvloop.new_event_loop}
    return {"native": {}, "caller": {"drive": "caller"}}[kind]


manager = sideloop.LoopManager(**options(sys.argv[2]))
runner = sideloop.Runner(**options(sys.argv[2]))


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0.001)
    return a + b


async def aio_report() -> None:
    report()


def report(run: Callable[..., object] = manager.run_sync) -> None:
    try:
        came = str(run(add, 10, b=12))
    except BaseException as error:
        came = type(error).__name__
    os.write(1, f"{came}\n".encode())  # at once: the process may have no time left


def on_a_thread(daemon: bool) -> None:
    thread = threading.Thread(target=report, daemon=daemon)
    thread.start()
    thread.join()


# Threads


def main_thread() -> None:
    report()


def worker_thread() -> None:
    on_a_thread(daemon=False)


def daemon_thread() -> None:
    on_a_thread(daemon=True)


def unknown_thread() -> None:
    ended = _thread.allocate_lock()
    ended.acquire()

    def call() -> None:
        report()
        ended.release()

    _thread.start_new_thread(call, ())
    ended.acquire()


def pool_thread() -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(report).result()


class Reporting:
    """Reports when it goes."""

    def __del__(self) -> None:
        report()


def ending_thread() -> None:
    local = threading.local()

    def work() -> None:
        local.value = Reporting()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


# Async code


def coroutine() -> None:
    manager.run_sync(aio_report)


def ten_deep() -> None:
    async def level(depth: int) -> None:
        if depth:
            manager.run_sync(level, depth - 1)
        else:
            report()

    manager.run_sync(level, 10)


def too_deep() -> None:
    async def level() -> None:
        try:
            manager.run_sync(level)
        except sideloop.NestingError:
            report()

    manager.run_sync(level)


def own_runner() -> None:
    async def call() -> None:
        report(runner.run)

    runner.run(call)


def callback() -> None:
    async def call_soon() -> None:
        called = asyncio.Event()

        def call() -> None:
            report()
            called.set()

        asyncio.get_running_loop().call_soon(call)
        await called.wait()

    manager.run_sync(call_soon)


def executor_thread() -> None:
    async def call() -> None:
        await asyncio.get_running_loop().run_in_executor(None, report)

    manager.run_sync(call)


def running_loop() -> None:
    asyncio.run(aio_report())


def closed_runner() -> None:
    runner.close()
    report(runner.run)


# Interruptions


def finalizer() -> None:
    Reporting()


def finalizer_by_the_collector() -> None:
    async def collect() -> None:
        cycle: list[object] = [Reporting()]
        cycle.append(cycle)
        del cycle
        gc.collect()

    gc.disable()
    manager.run_sync(collect)


def weak_reference() -> None:
    class Thing:
        pass

    thing = Thing()
    watched = weakref.ref(thing, lambda _gone: report())
    del thing
    assert watched() is None


def signal_handler() -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        report()

    signal.signal(signal.SIGALRM, handle)
    os.kill(os.getpid(), signal.SIGALRM)


def signal_handler_in_a_call() -> None:
    handled: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        report()
        handled.append(number)

    async def wait_for_handler() -> None:
        os.kill(os.getpid(), signal.SIGALRM)
        while not handled:
            await asyncio.sleep(0.001)

    signal.signal(signal.SIGALRM, handle)
    manager.run_sync(wait_for_handler)


def module_import() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "calling.py").write_text("import __main__\n__main__.report()\n")
        sys.path.insert(0, folder)
        importlib.import_module("calling")


# Processes


def reap(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status


def end_child() -> None:
    code = 1
    try:
        report()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def fork() -> None:
    manager.run_sync(add, 10, b=12)
    pid = os.fork()
    if pid == 0:
        end_child()
    reap(pid)


def fork_in_a_coroutine() -> None:
    async def fork_here() -> None:
        pid = os.fork()
        if pid == 0:
            end_child()
        reap(pid)

    manager.run_sync(fork_here)


def fork_by_c() -> None:
    manager.run_sync(add, 10, b=12)
    # Let the loop thread fall asleep: no condition tells. While it asks for the interpreter lock, a
    # fork that bypasses CPython inherits that lock's mutex held, and nobody can run Python there.
    time.sleep(0.1)
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        end_child()
    reap(pid)


def process(method: str) -> None:
    started = multiprocessing.get_context(method).Process(target=report)
    manager.run_sync(add, 10, b=12)
    started.start()
    started.join()
    assert started.exitcode == 0


def forked_process() -> None:
    process("fork")


def spawned_process() -> None:
    process("spawn")


# Exit


def atexit_before_ours() -> None:
    atexit.register(report)


def atexit_after_ours() -> None:
    """Registered above."""


def exiting_worker() -> None:
    def work() -> None:
        threading.main_thread().join()
        report()

    threading.Thread(target=work).start()


def module_teardown() -> None:
    # Bound, since names are None by then.
    class Last:
        run = staticmethod(manager.run_sync)
        add = staticmethod(add)
        write = staticmethod(os.write)
        error = RuntimeError

        def __del__(self) -> None:
            try:
                came = str(self.run(self.add, 10, b=12))
            except self.error as error:
                came = type(error).__name__
            self.write(1, f"{came}\n".encode())

    manager.run_sync(add, 10, b=12)
    sys.modules["last"] = Last()  # type: ignore[assignment]


# gevent, which has patched the process


def gevent_main() -> None:
    report()


def gevent_greenlet() -> None:
    import gevent

    gevent.spawn(report).join()


def gevent_thread() -> None:
    on_a_thread(daemon=False)


def gevent_without_threads() -> None:
    """Patched above, all but what sideloop needs."""
    gevent_greenlet()


AT_EXIT = (atexit_before_ours, atexit_after_ours, exiting_worker, module_teardown)

if __name__ == "__main__":  # and no process that was spawned
    place = globals()[sys.argv[1]]
    place()
    if place not in AT_EXIT:
        report()
