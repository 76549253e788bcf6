"""The iterator that `sideloop.map` returns: raises or collects, counts, and closes."""

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from sideloop._base.closing import Closing
from sideloop._map.answers import Outcome
from sideloop._map.progress import Bar
from sideloop._sideloop import OneAtATime

R = TypeVar("R")


class Source(Protocol):
    """What the answers come from: this process's loop, or the workers of an executor."""

    def take(self) -> Outcome[Any] | None:
        """The next answer; None if there is none left."""
        ...

    def close(self) -> None:
        """Cancel what is in flight, and wait for it to unwind."""

    def drop(self) -> None:
        """The same for the collector, without waiting."""


class MapIterator(Generic[R], Iterator[R], Closing):
    """The answers of a map, one at a time. Made by `sideloop.map`; begins at the first `next`.

    Closing it cancels what is in flight and waits for it to unwind, for 5 seconds at most. It
    closes by itself when it ends, when it raises, and at the end of a `with` block. When it is
    collected (at once after a `break` out of a loop that holds the only reference) it cancels what
    is in flight, and waits for nothing. A closed one is at its end. May be passed from thread to
    thread, but not advanced by two at once.
    """

    # A signal handler may raise while one is made, and it is collected all the same.
    _source: Source | None = None
    _bar: Bar | None = None

    def __init__(self, source: Source, async_fn: object, collect: bool, bar: Bar | None) -> None:
        self._source = source
        self._collect = collect
        self._bar = bar
        self._advancing = OneAtATime(
            async_fn,
            "has a map that is being advanced already, by another thread or by the iterator of its "
            "own items: give each thread a map of its own",
        )

    def __iter__(self) -> "MapIterator[R]":
        return self

    def __next__(self) -> R:
        with self._advancing:
            item = error = None
            try:
                item = self._take()
                if item is not None:
                    error = item.error
                    if error is not None:
                        if item.final or not self._collect:
                            self._end()
                            raise error
                        item.answer = error
                    if self._bar is not None:
                        self._bar.update(1)
                    answer: R = item.answer
                    return answer
                self._end()
            except StopIteration as stop:
                # A signal handler's: the map is not at its end.
                raise RuntimeError("a signal handler raised StopIteration") from stop
            finally:
                item = error = None  # an exception must not hold the frame in its traceback
            raise StopIteration

    def close(self) -> None:
        """Cancel what is in flight, and wait for it to unwind, for 5 seconds at most. Idempotent.

        What ignores its cancellation is left behind and named in a log warning.

        Raises:
            ValueError: Another thread is waiting for the next answer.
        """
        with self._advancing:
            self._end()

    def __del__(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.drop()
            self._close_bar()

    def _take(self) -> Outcome[Any] | None:
        if self._source is None:
            return None
        try:
            return self._source.take()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        source = self._source
        if source is None:
            return
        try:
            self._close_bar()
            source.close()
        except BaseException:
            source.drop()  # a signal handler's, maybe before that has cancelled anything
            raise
        finally:
            self._source = None

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
