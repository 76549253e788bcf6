"""Iterate: the sync view of asynchronous generators and iterators."""

import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
)
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sideloop._base.closing import Closing
from sideloop._sideloop import Host, Items, Router
from sideloop._views.host import attend

Y = TypeVar("Y", covariant=True)
S = TypeVar("S", contravariant=True)


class SyncGenerator(Items, Generator[Y, S, None], Closing):
    """The sync view of an asynchronous generator: what `synced` and `iterate` return.

    Behaves as a generator does: `next`, `send`, `throw`, `close`. All of the asynchronous generator
    runs in one task, which the first step makes, in a copy of its caller's context: so time limits,
    cancel scopes and context variables last from one item to the next. It runs no further than the
    item that was asked for, unless it reads ahead.

    Each step blocks the calling thread, and is limited and interrupted as a call of `run_sync` is.
    A generator that is cancelled between two steps (by `asyncio.timeout`, say) sees that at once,
    where it stands at its `yield`; the next step gets what comes of it.

    `close` has the asynchronous generator clean up, and waits. So does leaving a `with` block. A
    `for` that is left, or an iterator that is collected, has it clean up as well, at once, and does
    not wait; errors of that go to the loop's exception handler.

    May be used by any thread, by one at a time.

    Raises:
        ValueError: Another thread, or a signal handler, is inside of a step.
        RunnerClosedError: The runner was closed in between.
        DeadlockError: A step is asked for on the loop thread that would have to run it.

    >>> import asyncio, sideloop
    >>> @sideloop.synced
    ... async def count(to: int):
    ...     for number in range(to):
    ...         await asyncio.sleep(0)
    ...         yield number
    >>> list(count(3))
    [0, 1, 2]
    """

    __slots__ = ("__weakref__", "_generator", "_reads_ahead")

    _generator: AsyncGenerator[Y, S]
    _reads_ahead: bool

    def __new__(  # for synced and iterate
        cls,
        router: Router,
        async_fn: object,
        generator: AsyncGenerator[Y, S],
        read_ahead: int = 0,
    ) -> "SyncGenerator[Y, S]":
        next_item = generator.__anext__
        host = Host(
            router,
            async_fn,
            attend,
            generator.athrow,
            next_item if read_ahead else None,
            read_ahead,
        )
        self = super().__new__(cls, host, next_item)
        self._generator = generator
        self._reads_ahead = read_ahead > 0
        return self

    if TYPE_CHECKING:
        # The extension's own, which a `for` statement calls without a frame of Python.
        def __iter__(self) -> "SyncGenerator[Y, S]": ...
        def __next__(self) -> Y: ...

    def send(self, value: S) -> Y:
        """Go on to the next item; `value` is what the `yield` returns in the generator."""
        if value is None or self._over:
            return next(self)
        if self._new:
            raise TypeError("can't send a value that is not None to a generator that has not begun")
        return self._word(self._generator.asend, value)

    def throw(
        self,
        error: BaseException | type[BaseException],
        value: object = None,
        traceback: TracebackType | None = None,
    ) -> Y:
        """Raise an exception where the generator stands, and go on to the next item."""
        raised = _instance(error, value, traceback)
        del error, value, traceback
        try:
            if self._over:
                raise raised
            return self._word(self._generator.athrow, raised)
        finally:
            del raised  # else it would hold itself, through its traceback

    def close(self) -> None:
        """Have the asynchronous generator clean up; blocks until it has. Idempotent."""
        self._close(self._generator.aclose)

    def __del__(self) -> None:
        # Without one it is half made, and nothing has begun: a signal handler has raised meanwhile.
        generator = getattr(self, "_generator", None)
        if generator is not None:
            self._collect(generator.aclose)

    def __repr__(self) -> str:
        return f"<sideloop.SyncGenerator of {self._generator!r}>"

    def _word(self, async_fn: Callable[..., object], word: object) -> Y:
        if self._reads_ahead:
            raise TypeError(
                "a generator that reads ahead is further than the item that you have, so nothing "
                "can be sent or thrown there; iterate without read_ahead"
            )
        try:
            item: Y = self._step(async_fn, word)
        except StopAsyncIteration:
            raise StopIteration from None
        finally:
            del word  # the same, of an exception that is thrown
        return item


def iterate(
    router: Router, async_iterable: AsyncIterable[Y], read_ahead: int
) -> SyncGenerator[Y, Any]:
    """The sync view of an object that can be iterated asynchronously."""
    if not read_ahead >= 0:
        raise ValueError(f"read_ahead is a number of items that is not negative: {read_ahead!r}")
    generator = as_generator(async_iterable)
    named = generator if generator is async_iterable else type(async_iterable)
    return SyncGenerator(router, named, generator, read_ahead)


def as_generator(async_iterable: AsyncIterable[Y]) -> AsyncGenerator[Y, Any]:
    """The asynchronous generator itself, or one of the items of anything else."""
    if isinstance(async_iterable, AsyncGenerator):
        return cast("AsyncGenerator[Y, Any]", async_iterable)
    if not hasattr(async_iterable, "__aiter__"):
        raise TypeError(
            f"expected what `async for` can iterate, got {type(async_iterable).__name__}: pass an "
            f"object that has __aiter__, such as what an async generator function returns"
        )
    return items_of(async_iterable)


async def items_of(async_iterable: AsyncIterable[Y]) -> AsyncGenerator[Y, None]:
    """The items of anything, taken as `async for` takes them: a shared one goes on after us."""
    last = _LastHolder()
    iterator = aiter(async_iterable)
    try:
        try:
            item = await last.first(iterator)
        except StopAsyncIteration:
            return
        yield item
        async for item in iterator:
            yield item
    finally:
        last.leaving = True
        # A generator that nobody else holds was made for us alone, and is finalized now.
        del async_iterable, iterator
        await last.finalize()


class _LastHolder:
    """Waits for an asynchronous generator that is finalized because we let go of it.

    Its loop would have it closed too, but later, in a task of its own. Does not work: to count
    references, which some versions of CPython borrow.
    """

    def __init__(self) -> None:
        self.leaving = False
        self._generators: list[AsyncGenerator[Any, Any]] = []
        self._loop_finalizes = sys.get_asyncgen_hooks().finalizer

    def first(self, iterator: AsyncIterator[Y]) -> Awaitable[Y]:
        """The first item. By asking for that a generator learns who finalizes it."""
        sys.set_asyncgen_hooks(finalizer=self._finalizer)
        try:
            return anext(iterator)
        finally:
            sys.set_asyncgen_hooks(finalizer=self._loop_finalizes)

    async def finalize(self) -> None:
        """Have it clean up, if it is here."""
        self.leaving = False
        for generator in self._generators:
            await generator.aclose()

    def _finalizer(self, generator: AsyncGenerator[Any, Any]) -> None:
        if self.leaving:
            self._generators.append(generator)
        elif self._loop_finalizes is not None:
            self._loop_finalizes(generator)


def _instance(
    error: BaseException | type[BaseException], value: object, traceback: TracebackType | None
) -> BaseException:
    """One exception from the three arguments that `throw` of a generator takes."""
    if isinstance(error, type) and isinstance(value, error):
        error = value
    elif isinstance(error, type):
        error = error() if value is None else error(value)
    return error if traceback is None else error.with_traceback(traceback)
