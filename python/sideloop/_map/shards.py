"""A map over the workers of an executor: the items travel in shards."""

import asyncio
import concurrent.futures
import itertools
import pickle
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, TypeVar

from sideloop._base.errors import logger
from sideloop._base.signals import is_of_a_handler, raise_a_handlers
from sideloop._map.answers import Order, Outcome
from sideloop._map.local import LOOK_AHEAD, LocalMap
from sideloop._map.loop import Find
from sideloop._map.worker import Answered, Shard, answer, this_process
from sideloop._sideloop import call_name

T = TypeVar("T")
R = TypeVar("R")

SHARDS = 64
"""How many shards are with the executor at most: waiting for a worker, running, or answered."""


class ShardedMap(Generic[T, R]):
    """A map on the workers of an executor.

    A local map waits for the shards. They are submitted where that pulls its items: on the thread
    that takes the answers, since some executors fork there.
    """

    def __init__(
        self,
        find: Find,
        find_in_worker: Find,
        async_fn: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        limit: int,
        order: Order,
        collect: bool,
        executor: concurrent.futures.Executor,
    ) -> None:
        self._executor = executor
        self._name = call_name(async_fn)
        self._submitted: set[concurrent.futures.Future[Answered[R]]] = set()
        shards = (
            Shard(find_in_worker, async_fn, some, order, collect, this_process(), uuid.uuid4().hex)
            for some in _split(iter(items), limit)
        )
        self._waiting: LocalMap[concurrent.futures.Future[Answered[R]], Answered[R]] = LocalMap(
            find,
            self._wait_for,
            self._submit(shards),
            SHARDS // LOOK_AHEAD,
            order,
            self._name,
        )
        self._outcomes: deque[Outcome[R]] = deque()

    def take(self) -> Outcome[R] | None:
        """The next answer, or None if there is none left. Blocks until its shard is there."""
        while not self._outcomes:
            shard = self._waiting.take()
            if shard is None:
                return None
            if shard.error is not None:
                # Of the executor, not of an item: a worker died, or something could not be sent.
                return Outcome(error=shard.error, final=True)
            self._outcomes.extend(shard.answer.outcomes())
        return self._outcomes.popleft()

    def close(self) -> None:
        """Cancel the shards, and wait for those that have begun, for the grace at most."""
        grace = self._waiting.grace
        if grace is None:  # its owner is closed, say: nobody will wait for the one that was sent
            self._cancel()
            return
        end = time.monotonic() + grace
        self._waiting.close()
        left = concurrent.futures.wait(self._cancel(), max(end - time.monotonic(), 0.0)).not_done
        if left:
            logger.warning(
                "%d shards of %s still run in the workers of %r and were left behind: an executor "
                "does not stop what a worker has begun",
                len(left),
                self._name,
                self._executor,
            )

    def drop(self) -> None:
        """Close for the collector: cancel the shards, and wait for none."""
        self._waiting.drop()
        self._cancel()

    def _cancel(self) -> set[concurrent.futures.Future[Answered[R]]]:
        """Cancel what no worker has begun. Returns the others."""
        return {future for future in list(self._submitted) if not future.cancel()}

    def _submit(
        self, shards: Iterable[Shard[T, R]]
    ) -> Iterator[concurrent.futures.Future[Answered[R]]]:
        for shard in shards:
            try:
                future = self._executor.submit(answer, shard)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                raise TypeError(
                    f"{self._name}, or one of its items, cannot be sent to the workers of "
                    f"{type(self._executor).__name__}: {error}"
                ) from error
            self._submitted.add(future)
            yield future

    async def _wait_for(self, future: concurrent.futures.Future[Answered[R]]) -> Answered[R]:
        answered = await asyncio.wrap_future(future)
        self._submitted.discard(future)
        return answered


def _split(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Lists of this many items. If the iterator raises, what came before goes first."""
    while True:
        shard: list[T] = []
        try:
            shard.extend(itertools.islice(items, size))  # keeps what came before an exception
        except Exception as error:
            if shard and not is_of_a_handler(error):
                yield shard
            raise
        if not shard:
            return
        yield shard


def check_executor(
    executor: concurrent.futures.Executor, find_in_worker: Find, async_fn: Callable[..., object]
) -> None:
    """Refuse what is no executor, and what its workers could not be told."""
    # What is passed need not be what it says.
    if not isinstance(executor, concurrent.futures.Executor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"executor is a concurrent.futures.Executor, not {type(executor).__name__}; of a dask "
            f"client it is client.get_executor()"
        )
    if isinstance(executor, concurrent.futures.ProcessPoolExecutor):
        try:
            pickle.dumps(async_fn)
        except Exception as error:
            raise_a_handlers(error)
            raise TypeError(
                f"{call_name(async_fn)} cannot be sent to the processes of the executor: {error}; "
                f"define it at the top level of a module"
            ) from error
        try:
            pickle.dumps(find_in_worker)
        except Exception as error:
            raise_a_handlers(error)
            raise TypeError(
                f"the options of the loops that serve {call_name(async_fn)} cannot be sent to the "
                f"processes of the executor: {error}; define loop_factory and exception_handler at "
                f"the top level of a module"
            ) from error
