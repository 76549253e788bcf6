"""Processes whose threads are greenlets, since gevent or eventlet has patched them.

A greenlet that waits must do it in its thread's hub, which runs the others meanwhile: so callers
wait there, and so do the loops, for the greenlets that coroutines start. The loop thread itself has
to be a thread of the system's: asyncio knows one running loop a thread, not one a greenlet.
"""

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, Protocol, TypeVar

from sideloop._sideloop import Latch, wait_in_hubs

T = TypeVar("T")


class Hubs(Protocol):
    """What is needed of either library."""

    name: str

    def original(self, module: str) -> Any:
        """A module of the standard library as it was."""
        ...

    def wait_readable(self, fd: int, seconds: float | None) -> None:
        """Let the calling thread's other greenlets run until the file can be read."""

    def end(self) -> None:
        """The calling thread, of the system's, ends."""


class _OverError(BaseException):
    """The time of a wait is over."""


class _Gevent:
    name = "gevent"

    def __init__(self) -> None:
        # By name: neither library says its types.
        importlib.import_module("gevent.socket")
        self._gevent: Any = importlib.import_module("gevent")

    @staticmethod
    def has_patched(monkey: Any) -> bool:
        return any(map(monkey.is_module_patched, ("threading", "select", "socket", "time")))

    def original(self, module: str) -> Any:
        return _Original(module, self._gevent.monkey.get_original)

    def wait_readable(self, fd: int, seconds: float | None) -> None:
        watcher = self._gevent.get_hub().loop.io(fd, 1)
        over = _OverError()
        try:
            self._gevent.socket.wait(watcher, seconds, over)
        except _OverError as error:
            if error is not over:
                raise
        finally:
            watcher.close()

    def end(self) -> None:
        hub = self._gevent.get_hub()
        hub.join(timeout=1.0)
        hub.destroy(destroy_loop=True)


class _Original:
    """A module in which gevent has replaced some names."""

    def __init__(self, module: str, get_original: Callable[[str, str], Any]) -> None:
        self._module = module
        self._get_original = get_original

    def __getattr__(self, name: str) -> Any:
        return self._get_original(self._module, name)


class _Eventlet:
    name = "eventlet"

    def __init__(self) -> None:
        self._hubs: Any = importlib.import_module("eventlet.hubs")
        self._patcher: Any = importlib.import_module("eventlet.patcher")

    @staticmethod
    def has_patched(patcher: Any) -> bool:
        return any(map(patcher.is_monkey_patched, ("thread", "select", "socket", "time")))

    def original(self, module: str) -> Any:
        return self._patcher.original(module)

    def wait_readable(self, fd: int, seconds: float | None) -> None:
        over = _OverError()
        try:
            self._hubs.trampoline(fd, read=True, timeout=seconds, timeout_exc=over)
        except _OverError as error:
            if error is not over:
                raise

    def end(self) -> None:
        """It goes with the thread."""


_found: list[Hubs] = []


def hubs() -> Hubs | None:
    """Whose hubs run this process's greenlets, if its threads are patched."""
    if not _found:
        for module, library in (("gevent.monkey", _Gevent), ("eventlet.patcher", _Eventlet)):
            patcher: ModuleType | None = sys.modules.get(module)
            if patcher is not None and library.has_patched(patcher):
                found: Hubs = library()
                wait_in_hubs(found.wait_readable, threading.get_ident)
                _found.append(found)
                break
    return _found[0] if _found else None


class SystemThread:
    """A thread of the system's: as much of `threading.Thread` as a loop thread needs."""

    def __init__(self, hubs: Hubs, target: Callable[[], None]) -> None:
        self.ident: int | None = None
        self._hubs = hubs
        self._target = target
        self._ended = Latch()

    def start(self) -> None:
        """Start it."""
        self.ident = self._hubs.original("_thread").start_new_thread(self._main, ())

    def join(self, timeout: float) -> None:
        """Wait until it has ended."""
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        """Whether it has been started, and has not ended."""
        return self.ident is not None and not self._ended.is_open

    def _main(self) -> None:
        try:
            self._target()
            self._hubs.end()
        finally:
            self._ended.open()


class HubExecutor(ThreadPoolExecutor):
    """A loop's default executor where threads are greenlets: one for each job, on the loop's hub.

    A `ThreadPoolExecutor` by class, since loops take no other. Does not work: to let workers wait
    for jobs. The interpreter's exit wakes them from another thread, which greenlets may not hear.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run a function in a greenlet of its own."""
        future: Future[T] = Future()
        job = functools.partial(run_job, future, functools.partial(fn, *args, **kwargs))
        threading.Thread(target=job, daemon=True).start()
        return future


def run_job(future: "Future[T]", job: Callable[[], T]) -> None:
    """Do what an executor's thread does with a job."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except BaseException as error:  # it is the future's
        future.set_exception(error)


def check_no_hubs(name: object) -> None:
    """Refuse to have a greenlet drive a loop: while it waits, no other one must find its loop."""
    if (found := hubs()) is not None:
        raise RuntimeError(
            f"the loop of runner {str(name)!r} cannot be driven by its callers: {found.name} has "
            f"patched this process, and its greenlets share one thread, which can run only one "
            f'loop; use drive="thread"'
        )
