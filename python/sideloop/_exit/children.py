"""Children of multiprocessing and billiard, which end without the interpreter's exit.

They run their own finalizers, and then `os._exit`: neither atexit nor, with billiard, what
`threading` calls at the end. A worker of billiard's pool (celery's) runs no finalizers either, but
tells its pool that it ends, which a signal that ends it brings about, too.
"""

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from sideloop._exit.exit import close_all, settle


class _Children:
    """What `register_after_fork` goes by."""


_children = _Children()


def install() -> None:
    """End the loops when a child ends: this process, if it is one, and those that it forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_look_up, after_in_child=_watch)
    if any(process.current_process()._identity for process in _packages()):
        _prepare(_children)


def _packages() -> list[Any]:
    names = ("multiprocessing.process", "billiard.process")
    return [sys.modules[name] for name in names if name in sys.modules]


def _look_up() -> None:
    """In the parent, where modules can be imported at any time."""
    if _packages():
        importlib.import_module("multiprocessing.util")


def _watch() -> None:
    """In a fork's child, which may turn out to be one of these."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        # Run by the child before its work, after it has forgotten the parent's finalizers. billiard
        # uses the same.
        util.register_after_fork(_children, _prepare)


def _prepare(_: _Children) -> None:
    import multiprocessing.util as util  # loaded before

    util.Finalize(None, _end, exitpriority=-1)  # after those of what may call
    process: Any = sys.modules.get("billiard.process")
    worker: Any = getattr(process and process.current_process(), "_target", None)
    if hasattr(worker, "on_exit"):
        worker.on_exit = functools.partial(_end_worker, worker.on_exit)


def _end_worker(on_exit: Callable[[int, int], object] | None, pid: int, code: int) -> None:
    try:
        if on_exit is not None:
            on_exit(pid, code)
    finally:
        _end()


def _end() -> None:
    settle()
    main = threading.main_thread()
    if all(one is main or one.daemon for one in threading.enumerate()):
        close_all()
