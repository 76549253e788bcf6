"""The caller's end of a map: pulls the items, waits for the answers, stops what is in flight."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, TypeVar

from sideloop._base.errors import warn_abandoned, without_our_frame
from sideloop._base.signals import raise_a_handlers
from sideloop._base.soon import call_soon
from sideloop._map.answers import Answers, Item, Order, Outcome
from sideloop._map.flight import Flight
from sideloop._map.loop import Find, MapLoop
from sideloop._sideloop import copy_context_inside_of

T = TypeVar("T")
R = TypeVar("R")

LOOK_AHEAD = 2
"""How many times the limit of items are on their way at most: waiting to run, running, answered."""


class LocalMap(Generic[T, R]):
    """A map on the loop that serves the thread which takes its first answer.

    Items are pulled on the thread that takes the answers, one by one, and only while none is ready.
    The loop starts them from a shared queue, and leaves the answers where the caller finds them: a
    hand-off is made only to wait, or for a loop that has run out of items.
    """

    # Also where the interpreter has taken this module apart, as for runners.
    _is_over = staticmethod(sys.is_finalizing)

    def __init__(
        self,
        find: Find,
        async_fn: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        limit: int,
        order: Order,
        name: str,
    ) -> None:
        self._answers: Answers[T, R] = order()
        self._flight = Flight(async_fn, name, limit, self._answers)
        self._loop = MapLoop(find, name)
        self._items: Iterator[T] | None = iter(items)
        self._items_error: Exception | None = None
        self._room = LOOK_AHEAD * limit
        self._pulled = 0

    def take(self) -> Outcome[R] | None:
        """The next answer, or None if there is none left. Blocks until it is there."""
        answers, flight = self._answers, self._flight
        while flight.failure is None and not answers.ready():
            if self._items is not None and len(answers) < self._room:
                self._loop.check_time()  # before the loop gets one more to start
                self._pull(self._items)
            elif len(answers):
                flight.caller = threading.get_ident()
                self._loop.run(flight.wait)
            else:
                return self._last()
        return self._last() if flight.failure is not None else answers.take()

    @property
    def grace(self) -> float | None:
        """How many seconds what is cancelled gets to unwind; None where no loop has served it."""
        return self._loop.grace

    def refuse_errands(self, why: str) -> None:
        """Who takes the answers is not who waits for the items: nobody runs errands of theirs."""
        self._flight.refusal = why

    def close(self) -> None:
        """Cancel what is in flight, and wait for it to unwind, for the loop's grace at most."""
        self._items = None
        flight, loop = self._flight, self._loop
        if flight.loop is not None:
            loop.core.end_own()  # if another thread has closed what this one drives
        if not self._is_in_flight():
            return
        if flight.stopping:
            # Who waited has waited for that, too. What goes on all the same was named then.
            self._have(flight.leave)
            return
        if loop.core.driving or asyncio._get_running_loop() is flight.loop:
            # The caller is below a task of that loop, which can run nothing meanwhile.
            flight.cancel()
            return
        try:
            stopped = loop.run_within_grace(flight.stop)
            self._raise_a_handlers()
        except BaseException:
            # Ctrl-C again: wait for nothing.
            self._have(flight.cancel)
            raise
        if stopped or loop.core.stuck:
            return  # or it did not hear, and was named
        if flight.stopping:
            warn_abandoned(loop.core.name, loop.name, stuck=False)
            self._have(flight.leave)
        else:
            loop.core.leave_behind(loop.name)

    def drop(self) -> None:
        """Close for the collector, which runs anywhere, under any lock: it does not wait."""
        if not self._is_over() and self._is_in_flight():
            self._have(self._flight.cancel)

    def _last(self) -> Outcome[R] | None:
        """What ended the map: nothing, if that was its last item."""
        error = self._flight.failure or self._items_error
        # Kept, it would make a cycle: frames of its traceback may reach us.
        self._flight.failure = self._items_error = None
        return Outcome(error=error, final=True) if error is not None else None

    def _is_in_flight(self) -> bool:
        """Whether items are with the loop, which does not end anyway."""
        flight = self._flight
        return (
            flight.loop is not None and flight.finished < self._pulled and self._loop.core.accepting
        )

    def _have(self, step: Callable[[], None]) -> None:
        """Have the loop do this, and do not wait."""
        if self._flight.loop is not None:
            call_soon(self._flight.loop, step)

    def _raise_a_handlers(self) -> None:
        """Raise what a signal handler has raised while this thread ran a task of the map."""
        error, self._flight.failure = self._flight.failure, None
        try:
            if error is not None:
                raise_a_handlers(error)
        finally:
            del error  # its traceback holds this frame

    def _pull(self, items: Iterator[T]) -> None:
        """Pull one item, in the caller's own context, and let the loop have it."""
        try:
            given = next(items)
        except Exception as error:
            raise_a_handlers(error)
            self._items = None
            if not isinstance(error, StopIteration):
                # Its place is behind the items that came before it.
                self._items_error = without_our_frame(error)
            return
        flight = self._flight
        item: Item[T, R] = Item(given, copy_context_inside_of(flight))
        self._answers.add(item)
        self._pulled += 1
        flight.queue.append(item)
        if flight.loop is None:
            flight.caller = threading.get_ident()
            self._loop.run(self._open)
        elif flight.starved:
            flight.starved = False
            self._loop.check()
            flight.loop.call_soon_threadsafe(flight.feed)

    async def _open(self) -> None:
        self._flight.open(self._loop.core)
