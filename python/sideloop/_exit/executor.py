"""An executor for the exit's first phase, where the interpreter starts no thread any more.

CPython 3.12 refuses new threads from the end of the main thread on, before any of its hooks is
called. Cleanups may still want an executor (`asyncio.to_thread`): what they give it runs on the
main thread, which waits for them.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sideloop._loops.hubs import run_job

T = TypeVar("T")


def threads_start() -> bool:
    """Whether a thread can still be started: it is tried."""
    thread = threading.Thread(target=int, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


class ExitExecutor(ThreadPoolExecutor):
    """Runs what it is given on the thread that made it, while that waits in `wait_for`.

    A `ThreadPoolExecutor` by class, since loops take no other; it never starts a thread.
    """

    def __init__(self) -> None:
        super().__init__(1)
        self._server = threading.get_ident()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._over = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Give a function to the thread that waits, or run it at once on that thread itself."""
        if self._over:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        future: Future[T] = Future()
        job = partial(run_job, future, partial(fn, *args, **kwargs))
        if threading.get_ident() == self._server:
            job()
        else:
            self._jobs.put(job)
        return future

    def wait_for(self, future: "Future[Any]", end: float) -> None:
        """Run what comes until the future is done, or until `end` of the monotonic clock."""
        future.add_done_callback(lambda _: self._jobs.put(lambda: None))
        while not future.done() and (left := end - time.monotonic()) > 0:
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                return
            job()

    def end(self) -> None:
        """Take no more."""
        self._over = True
