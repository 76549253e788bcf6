"""The peers: every bridge that is compared, called the way its own documentation calls it.

A peer is a context manager that yields a call: no arguments in, the answer of `async_add` out.
What a user of that bridge writes once (a loop, a thread, a portal, a decorator) happens before the
yield; what the user writes at every call happens in the call. The lambda around it costs every
peer the same one Python frame.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call,no-any-return"
# Any peer may be absent where this is type-checked, and not all of them ship types.

from __future__ import annotations

import asyncio
import importlib.util
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import metadata
from types import ModuleType
from typing import Any

from _measure import Call

ANSWER = 22


async def async_add(a: int, b: int) -> int:
    """Return at its first step: what is left to measure is the way there and back."""
    return a + b


async def loop_module() -> str:
    """Name the module that defines the running loop."""
    return type(asyncio.get_running_loop()).__module__


def version_of(distribution: str | None) -> str:
    """Return the version of a distribution, or say that it is the standard library."""
    if distribution is None:
        return "stdlib"
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def why_left_out(error: ImportError, distribution: str | None) -> str:
    """Say why something that could not be imported is not measured."""
    if not isinstance(error, ModuleNotFoundError):
        # Without the path of the file, which is nobody's business but the machine's.
        return f"cannot be imported: {str(error).replace(f' ({error.path})', '')}"
    missing = error.name or str(error)
    own = missing.partition(".")[0] == distribution
    return "not installed" if own else f"its import needs {missing}"


class Thread(Enum):
    """Where the async function runs, seen from the caller."""

    OTHER = "another thread"
    OWN = "the caller's own thread"


@dataclass(frozen=True)
class Peer:
    """One bridge: its name, the distribution it comes from, and how to open it."""

    name: str
    distribution: str | None
    thread: Thread
    open: Callable[[], AbstractContextManager[Call]]

    @property
    def version(self) -> str:
        """The version of the distribution, or where the peer comes from instead."""
        return version_of(self.distribution)


@contextmanager
def _sideloop() -> Iterator[Call]:
    from sideloop import run_sync

    yield lambda: run_sync(async_add, a=10, b=12)


@contextmanager
def _driven() -> Iterator[Call]:
    from sideloop import LoopManager

    with closing(LoopManager(drive="caller")) as manager:
        yield lambda: manager.run_sync(async_add, a=10, b=12)


def _load_without_the_rest(package: str) -> None:
    """Have its modules found without its own code: CPython 3.13 has not all that this imports.

    Of what `flytekit.utils.asyn` imports that is the logger alone.
    """
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return
    alone, loggers = ModuleType(package), ModuleType(f"{package}.loggers")
    alone.__path__ = spec.submodule_search_locations
    vars(loggers)["logger"] = logging.getLogger(package)
    sys.modules[package], sys.modules[f"{package}.loggers"] = alone, loggers


def flytekit_run_sync() -> Callable[..., Any]:
    """Return flytekit's `run_sync`.

    Raises:
        ImportError: flytekit is not there.
        RuntimeError: It is there, but something else answers in its place.
    """
    if sys.version_info >= (3, 13):
        _load_without_the_rest("flytekit")
    # Importing flytekit sets up logging and replaces `sys.excepthook`, and it may print. None of
    # that belongs in this bench's output.
    excepthook = sys.excepthook
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            from flytekit.utils.asyn import run_sync
    finally:
        sys.excepthook = excepthook

    # sideloop can stand in for this very module. The loop's class shows who really answers.
    module = run_sync(loop_module)
    if not module.startswith("asyncio."):
        raise RuntimeError(
            f"flytekit.utils.asyn.run_sync ran on a loop of {module}, so it is not flytekit's own "
            f"bridge; measure it in an interpreter where nothing has replaced it"
        )
    return run_sync


@contextmanager
def _flytekit() -> Iterator[Call]:
    run_sync = flytekit_run_sync()
    yield lambda: run_sync(async_add, a=10, b=12)


@contextmanager
def _run_coroutine_threadsafe() -> Iterator[Call]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="run_coroutine_threadsafe")
    thread.start()
    try:
        yield lambda: asyncio.run_coroutine_threadsafe(async_add(a=10, b=12), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _asgiref() -> Iterator[Call]:
    from asgiref.sync import async_to_sync

    # Wrapped at every call, as its users write it. A wrapper that is kept is no faster: from a
    # thread that async code did not start, each call makes a thread, a loop, and ends both.
    yield lambda: async_to_sync(async_add)(a=10, b=12)


@contextmanager
def _anyio() -> Iterator[Call]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        # `portal.call` forwards positional arguments only, hence the partial.
        yield lambda: portal.call(partial(async_add, a=10, b=12))


@contextmanager
def _fsspec() -> Iterator[Call]:
    from fsspec.asyn import get_loop, sync

    loop = get_loop()
    yield lambda: sync(loop, async_add, a=10, b=12)


@contextmanager
def _synchronicity() -> Iterator[Call]:
    from synchronicity import Synchronizer

    # A function of its own: `wrap` leaves an attribute on the function that it is given.
    @Synchronizer().wrap  # type: ignore[untyped-decorator, unused-ignore]
    async def add(a: int, b: int) -> int:
        return a + b

    yield lambda: add(a=10, b=12)


@contextmanager
def _run_until_complete() -> Iterator[Call]:
    loop = asyncio.new_event_loop()
    try:
        yield lambda: loop.run_until_complete(async_add(a=10, b=12))
    finally:
        loop.close()


@contextmanager
def _send() -> Iterator[Call]:
    def send() -> int:
        try:
            async_add(a=10, b=12).send(None)
        except StopIteration as stop:
            answer: int = stop.value
            return answer
        raise RuntimeError("async_add waited for something, and there is no loop to resume it")

    yield send


SIDELOOP = Peer("sideloop.run_sync", "sideloop", Thread.OTHER, _sideloop)
DRIVEN = Peer('sideloop, drive="caller"', "sideloop", Thread.OWN, _driven)
FLYTEKIT = Peer("flytekit.utils.asyn.run_sync", "flytekit", Thread.OTHER, _flytekit)
ANYIO = Peer("anyio portal.call", "anyio", Thread.OTHER, _anyio)
FSSPEC = Peer("fsspec.asyn.sync", "fsspec", Thread.OTHER, _fsspec)
THREADSAFE = Peer("asyncio.run_coroutine_threadsafe", None, Thread.OTHER, _run_coroutine_threadsafe)
RUN_UNTIL_COMPLETE = Peer("loop.run_until_complete", None, Thread.OWN, _run_until_complete)

PEERS = (
    SIDELOOP,
    FLYTEKIT,
    THREADSAFE,
    Peer("asgiref async_to_sync", "asgiref", Thread.OTHER, _asgiref),
    ANYIO,
    FSSPEC,
    Peer("synchronicity wrap", "synchronicity", Thread.OTHER, _synchronicity),
    RUN_UNTIL_COMPLETE,
    Peer("coro.send(None)", None, Thread.OWN, _send),
)


def open_peers(
    stack: ExitStack, peers: Sequence[Peer] = PEERS
) -> tuple[dict[Peer, Call], dict[Peer, str]]:
    """Open each peer and check its answer.

    Args:
        stack: Closes the peers' loops and threads when it is closed.
        peers: Which ones.

    Returns:
        The calls of the peers that can be measured, and for each other peer why it cannot.

    Raises:
        RuntimeError: A peer gave a wrong answer, so that a measurement of it would mean nothing.
    """
    calls: dict[Peer, Call] = {}
    left_out: dict[Peer, str] = {}
    for peer in peers:
        try:
            call = stack.enter_context(peer.open())
        except ImportError as error:
            left_out[peer] = why_left_out(error, peer.distribution)
            continue
        answer = call()
        if answer != ANSWER:
            raise RuntimeError(
                f"{peer.name} returned {answer!r} for async_add(a=10, b=12), not {ANSWER}; correct "
                f"how this bench calls it before measuring it"
            )
        calls[peer] = call
    return calls, left_out
