"""The interpreter's exit, in two phases, each within grace.

First, when the main thread has ended, what nobody will ask for any more is cancelled: background
tasks on the loops of threads that make no more calls. Executors still work then, which a cleanup
may need. Calls go on, and threads that are no daemons finish theirs. At last, when those have ended
too, every loop unwinds and is closed.
"""

import asyncio
import atexit
import concurrent.futures.thread  # pyright: ignore[reportUnusedImport]  # see install
import contextlib
import os
import threading
import time
from functools import partial
from typing import Any

from sideloop._base.errors import logger
from sideloop._exit.executor import ExitExecutor, threads_start
from sideloop._hooks import places, worker
from sideloop._loops import forked
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop, end_together, exit_state, forget_inherited, live
from sideloop._loops.thread import LoopThread
from sideloop._loops.unwind import report, settle_soon
from sideloop._sideloop import Latch


def settle() -> None:
    """Cancel the tasks that are left on loops where nobody calls, and wait for their cleanup."""
    threads = {thread.ident: thread for thread in threading.enumerate()}
    waits: list[tuple[concurrent.futures.Future[None], Latch, float]] = []
    ending: list[tuple[Loop, float]] = []
    executor: ExitExecutor | None = None
    for loop in _ours():
        if loop.core.stopping:  # a close that was cut short, or that nobody waits for: it unwinds
            ending.append((loop, time.monotonic() + loop.grace))
            continue
        owner = threads.get(_root(loop).owner)
        finishes = owner is not None and not owner.daemon and owner is not threading.main_thread()
        if finishes or loop.core.asked_for or not asyncio.all_tasks(loop.loop):
            continue
        if executor is None and not threads_start():
            executor = ExitExecutor()
        if executor is not None:
            loop.loop.set_default_executor(executor)
        try:
            if isinstance(loop, DrivenLoop):
                loop.settle()
            else:
                future = settle_soon(loop.loop, loop.core, loop.grace)
                # Greenlets cannot wait for the future of another thread.
                ended = Latch()
                future.add_done_callback(partial(_open, ended))
                waits.append((future, ended, time.monotonic() + loop.grace))
        except SystemExit as error:  # which is under way, and there are other loops
            _report(loop, error)
        except RuntimeError as error:
            if not loop.loop.is_closed():  # meanwhile, so it has unwound
                _report(loop, error)
    for future, ended, end in waits:
        # A loop that is blocked is named when it is closed.
        if executor is not None:
            executor.wait_for(future, end)
            continue
        ended.wait(max(end - time.monotonic(), 0.0))
    for loop, end in ending:
        try:
            loop.join(max(end - time.monotonic(), 0.0))
        except (SystemExit, Exception) as error:  # there are other loops
            _report(loop, error)
    if executor is not None:
        executor.end()


def _report(loop: Loop, error: BaseException) -> None:
    report(loop.loop, f"the loop of runner {loop.core.name!r} did not end well at exit", error)


def _open(latch: Latch, _: object) -> None:
    latch.open()


def close_all() -> None:
    """Cancel what runs on every loop, let it unwind, and join the threads."""
    exit_state.begun = True
    for loop in end_together(_ours(), _report):
        logger.warning(
            "the loop thread of runner %r is stuck, so the interpreter exits without it",
            loop.core.name,
        )


def _ours() -> list[Loop]:
    # One that is stuck has had its grace, and was named.
    # One that another thread drives, which runs on or is gone, cannot be driven from here.
    # One that was inherited through a fork by C code, which runs no hook, is the parent's.
    return [
        one
        for one in list(live)
        if not one.core.stuck
        and not one.core.orphaned
        and (isinstance(one, LoopThread) or one.core.mine)
    ]


def _root(loop: Loop) -> Loop:
    """The loop whose calls come from a plain thread, from that of a nested call."""
    while isinstance(loop, LoopThread) and loop.outer is not None:
        loop = loop.outer
    return loop


def install() -> None:
    """Close at exit; forget in a fork's child."""
    # Imported above, so that executors are shut down after `settle`: the last one registered is the
    # first one called. During the exit there is nothing to settle any more.
    register: Any = getattr(threading, "_register_atexit")  # noqa: B009  # typeshed has it not
    with contextlib.suppress(RuntimeError):
        register(settle)
    atexit.register(close_all)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget_inherited)
        os.register_at_fork(after_in_child=worker.forget_inherited)
        os.register_at_fork(after_in_child=places.forget_inherited)
    forked.install()
