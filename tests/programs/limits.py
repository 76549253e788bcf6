"""What happens where the system has nothing to give, or a loop factory gives nonsense."""

import asyncio
import errno
import gc
import os
import resource
import sys
import threading
from collections.abc import Callable

from sideloop import LoopManager, Runner


async def add(a: int, b: int) -> int:
    return a + b


def files() -> None:
    """Each number of files that may still be opened is either enough, or a clear error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    native = sys.argv[2] == "native"
    factory = None if native else asyncio.new_event_loop
    refused = served = 0
    for room in range(8):
        runner, manager = Runner(loop_factory=factory), LoopManager(loop_factory=factory)
        for run in (runner.run, manager.run_sync):
            # The limit is for descriptor numbers: the lowest free one, and `room` more.
            lowest = os.dup(0)
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + room, hard))
            try:
                answer = run(add, 10, b=12)
            except OSError as error:
                refused += error.errno == errno.EMFILE
            else:
                assert answer == 22
                served += 1
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert run(add, 10, b=12) == 22
        runner.close()
        manager.close()
    assert refused + served == 16
    assert refused
    assert served
    print("refused, then served")


def threads() -> None:
    """No thread starts: each asks for a stack that is larger than the address space."""
    factory = None if sys.argv[2] == "native" else asyncio.new_event_loop
    runner, manager = Runner(loop_factory=factory), LoopManager(loop_factory=factory)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number
    for run in (runner.run, manager.run_sync):
        for _ in range(3):
            threading.stack_size(1 << 47)
            try:
                run(add, 10, b=12)
            except RuntimeError as error:
                print("refused:", error)
            finally:
                threading.stack_size(0)
            gc.collect()
            assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # only their number
    for run in (runner.run, manager.run_sync):
        print(run(add, 10, b=12))


def loop_factory() -> None:
    """A loop that cannot run is an error for the caller, not a wait for ever."""
    running = Runner()

    async def this_loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def closed() -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.close()
        return loop

    loop = running.run(this_loop)
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "closed": closed,
        "running": lambda: loop,
    }
    runner = Runner(loop_factory=factories[sys.argv[2]])
    try:
        runner.run(add, 10, b=12)
    except RuntimeError as error:
        print("refused:", error)
    if sys.argv[2] == "running":
        assert running.run(add, 10, b=12) == 22
        print("undisturbed")


globals()[sys.argv[1]]()
