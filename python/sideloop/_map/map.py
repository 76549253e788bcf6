"""The map: an async function over many items, from synchronous code."""

import concurrent.futures
import operator
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from sideloop._loops.loop import Loop
from sideloop._map.answers import AsFinished, InOrder
from sideloop._map.iterator import MapIterator
from sideloop._map.local import LocalMap
from sideloop._map.loop import Find
from sideloop._map.progress import open_bar
from sideloop._sideloop import call_name, check_async_fn

T = TypeVar("T")
R = TypeVar("R")


class Maps:
    """What can map: managers, and runners."""

    def _find(self, async_fn: Callable[..., object]) -> tuple[object, Loop]:
        """The loop that serves the calling thread, and what keeps it open while that is held."""
        raise NotImplementedError

    def _find_in_worker(self) -> Find:
        """The same for the workers of an executor, which may be other processes."""
        return self._find

    @overload
    def map(
        self,
        async_fn: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        /,
        *,
        limit: int = 64,
        ordered: bool = True,
        progress: bool | None = None,
        executor: concurrent.futures.Executor | None = None,
        return_exceptions: Literal[False] = False,
    ) -> MapIterator[R]: ...
    @overload
    def map(
        self,
        async_fn: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        /,
        *,
        limit: int = 64,
        ordered: bool = True,
        progress: bool | None = None,
        executor: concurrent.futures.Executor | None = None,
        return_exceptions: Literal[True],
    ) -> MapIterator[R | BaseException]: ...
    def map(
        self,
        async_fn: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        /,
        *,
        limit: int = 64,
        ordered: bool = True,
        progress: bool | None = None,
        executor: concurrent.futures.Executor | None = None,
        return_exceptions: bool = False,
    ) -> MapIterator[Any]:
        """Call an async function for every item, `limit` at once, and iterate over the answers.

        Lazy: begins at the first `next`, and pulls items only as answers are taken, so that an
        endless iterable works. At most `2 * limit` items are on their way: pulled, and their
        answers not taken.

        The iterator's `next` blocks until an answer is there; other threads run meanwhile. Each
        item is a task of its own on one loop: of a manager, the one that serves the thread which
        takes the first answer, as a call would find it; of a runner, its own. It goes on while
        nobody waits, unless the caller drives the loop. `items` is pulled on the thread that calls
        `next`, and only when no answer is ready. An item's task runs in a copy of the context in
        which the item was pulled.

        The first error, in the order of the answers, is raised in its place; what else is in flight
        is cancelled, and has unwound when it is raised. So it is when the iterator is closed: by
        `close`, by a `with` block, by Ctrl-C, and when a `sideloop.timeout` in force at a `next` is
        over. When it is collected, as after a `break`, all is cancelled and nothing is waited for.

        Args:
            async_fn: Any callable that takes an item and returns an awaitable. Of an object of a
                twin's that is the method's `aio`: `client.get.aio`.
            items: Any iterable. What it raises is raised when the items before are answered.
            limit: How many run at once; with an executor: in each worker.
            ordered: Answers in the order of the items; if False, as they come.
            progress: Show a bar of tqdm's (`sideloop[progress]`), which counts the answers taken.
                None and False show none.
            executor: Runs the items in its workers instead, in shards of `limit` items, each on the
                loop that serves the worker's thread: of this manager, or of one with its options if
                the worker is another process; of a runner like this one, which each worker's thread
                has. At most 64 shards are on their way. What a worker has begun it ends: closing
                cancels the other shards, and waits for these within the grace. Context variables
                and time limits do not reach the workers.
            return_exceptions: Exceptions of items are answers.

        Returns:
            The iterator. Has `close`, and is a context manager.

        Raises:
            TypeError: `async_fn` is no async function (a sync twin, for example), or cannot be sent
                to the executor's processes.
            ValueError: `limit` is below 1.
            ImportError: `progress=True` without tqdm.
            BaseException: From `next`: what an item raised, the same object; and as of a call.

        >>> import sideloop
        >>> async def double(n: int) -> int:
        ...     return 2 * n
        >>> list(sideloop.map(double, range(5)))
        [0, 2, 4, 6, 8]
        """
        check_async_fn(async_fn)
        limit = _check_limit(limit)
        order = InOrder if ordered else AsFinished
        if executor is None:
            local = LocalMap(self._find, async_fn, items, limit, order, call_name(async_fn))
            bar = open_bar(items) if progress else None
            return MapIterator(local, async_fn, return_exceptions, bar)
        # Not above: importing it takes as long as half of the package.
        from sideloop._map.shards import ShardedMap, check_executor

        there = self._find_in_worker()
        check_executor(executor, there, async_fn)
        sharded = ShardedMap(
            self._find, there, async_fn, items, limit, order, return_exceptions, executor
        )
        bar = open_bar(items) if progress else None
        return MapIterator(sharded, async_fn, return_exceptions, bar)


def _check_limit(limit: int) -> int:
    limit = operator.index(limit)
    if limit < 1:
        raise ValueError(f"limit says how many items run at once, so it is 1 at least: {limit}")
    return limit
