"""What happens in a worker of an executor: a shard of a map is answered."""

import asyncio
import os
import pickle
import socket
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sideloop._map.answers import Order, Outcome
from sideloop._map.iterator import MapIterator
from sideloop._map.local import LocalMap
from sideloop._map.loop import Find
from sideloop._sideloop import call_name

T = TypeVar("T")
R = TypeVar("R")

Process = tuple[str, int]


def this_process() -> Process:
    """Tells where something comes from: what has travelled was pickled."""
    return socket.gethostname(), os.getpid()


@dataclass(frozen=True)
class Shard(Generic[T, R]):
    """Some items, and what to do with them."""

    find: Find
    async_fn: Callable[[T], Awaitable[R]]
    items: list[T]
    order: Order
    collect: bool
    sender: Process
    # Unlike that of any other: dask takes calls that are equal for one and the same.
    key: str


@dataclass(frozen=True)
class Answered(Generic[R]):
    """The answers of a shard: up to the first error, unless errors are collected among them."""

    answers: list[R]
    error: BaseException | None = None

    def outcomes(self) -> Iterator[Outcome[R]]:
        """One for each item."""
        for one in self.answers:
            yield Outcome(one)
        if self.error is not None:
            yield Outcome(error=self.error, final=True)


class _Last(threading.local):
    """What has served the thread's last shard, if that came from another process.

    Nobody else here need hold it, and the next shard wants the same loop.
    """

    find: Find | None = None


_last = _Last()


def answer(shard: Shard[T, R]) -> Answered[R]:
    """Answer a shard: all of its items at once, on the loop that serves this thread."""
    name = call_name(shard.async_fn)
    pack = _keep
    if shard.sender != this_process():
        pack, _last.find = _pack, shard.find
    local: LocalMap[T, R] = LocalMap(
        shard.find, shard.async_fn, shard.items, len(shard.items), shard.order, name
    )
    local.refuse_errands("the caller of a map with an executor waits elsewhere, for its workers")
    answers: list[Any] = []
    with MapIterator[R](local, shard.async_fn, shard.collect, None) as found:
        try:
            # Only where they are collected are exceptions among the answers.
            answers.extend(pack(a, name) if isinstance(a, BaseException) else a for a in found)
        except (Exception, asyncio.CancelledError) as error:
            return Answered(answers, pack(error, name))
    return Answered(answers)


class WorkerTraceback(Exception):  # noqa: N818  # not what went wrong, but where
    """The cause of an exception that has come from another process: its traceback there."""

    __module__ = "sideloop"

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Packed:
    """An exception on its way: unpickled, it is that exception, with its traceback as its cause."""

    def __init__(self, error: BaseException, told: str) -> None:
        self._error = error
        self._told = told

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[BaseException, str]]:
        return _unpack, (self._error, self._told)


def _unpack(error: BaseException, told: str) -> BaseException:
    error.__cause__ = WorkerTraceback(told)
    return error


def _pack(error: BaseException, name: str) -> Any:
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        pickled = pickle.dumps(error)
    except Exception:
        return _Packed(error, told)  # the executor may know how, or else it says so
    try:
        pickle.loads(pickled)
    except Exception:
        # In the sender's process it would break the whole pool.
        error = RuntimeError(f"{name} raised {error!r}, which cannot be unpickled")
    return _Packed(error, told)


def _keep(error: BaseException, name: str) -> Any:  # noqa: ARG001  # as _pack
    return error
