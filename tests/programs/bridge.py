"""What code of others needs of a loop, where it might be missing. `bridge.py <what> <kind>`."""

import asyncio
import atexit
import os
import sys
import threading
import warnings
from typing import Any

from kinds import loop_factory

import sideloop

# A fork of a process with threads is one of these.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

DRIVEN: Any = {"drive": "caller"}
OPTIONS: Any = DRIVEN if sys.argv[2] == "driven" else {"loop_factory": loop_factory(sys.argv[2])}
runner = sideloop.Runner(**OPTIONS)
manager = sideloop.LoopManager(**OPTIONS)


async def where() -> object:
    return asyncio.get_running_loop(), threading.current_thread()


def use(one: Any) -> None:
    run = one.run if isinstance(one, sideloop.Runner) else one.run_sync
    assert run(where) == (one.loop, one.thread)
    assert one.run_awaitable(asyncio.sleep(0, "slept")) == "slept"
    assert one.run_function(threading.current_thread) is one.thread


def fork() -> None:
    """The child's loops are its own."""
    use(runner)
    use(manager)
    before = runner.loop, manager.loop
    child = os.fork()
    if not child:
        assert runner.loop is not before[0]
        assert manager.loop is not before[1]
    use(runner)
    use(manager)
    if child:
        assert (runner.loop, manager.loop) == before
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print("used", flush=True)


def late() -> None:
    """In an atexit handler that runs when ours has."""
    use(runner)

    def last() -> None:
        try:
            use(manager)
            print("used")
        except RuntimeError as error:
            print("refused" if "interpreter" in str(error) else error)
        coroutine = asyncio.sleep(0)
        runner.close()
        try:
            runner.run_awaitable(coroutine)
        except sideloop.RunnerClosedError:
            print("closed")

    atexit._run_exitfuncs()
    last()


{"fork": fork, "late": late}[sys.argv[1]]()
