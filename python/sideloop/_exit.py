"""The interpreter's exit: every loop unwinds, within its grace."""

import atexit
import os
import time

from sideloop import _loop
from sideloop._errors import logger


def close_all() -> None:
    """Cancel what runs on every loop, let it unwind, and join the threads."""
    # One that is stuck has had its grace, and was named.
    # One that another thread drives, which runs on or is gone, cannot be driven from here.
    # One that was inherited through a fork by C code, which runs no hook, is the parent's.
    loop_threads = [
        one
        for one in list(_loop.live)
        if not one.core.stuck
        and not one.core.orphaned
        and (isinstance(one, _loop.LoopThread) or one.core.mine)
    ]
    for loop_thread in loop_threads:
        loop_thread.ask_stop()
    end = time.monotonic() + max((one.grace for one in loop_threads), default=0.0) + 1.0
    for loop_thread in loop_threads:
        if not loop_thread.join(end - time.monotonic()):
            logger.warning(
                "the loop thread of runner %r is stuck, so the interpreter exits without it",
                loop_thread.core.name,
            )


def install() -> None:
    """Close at exit; forget in a fork's child."""
    atexit.register(close_all)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_loop.forget_inherited)
