"""Awaitables of somebody's own classes, with one method that raises."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

NAMES = (
    "add_done_callback",
    "result",
    "exception",
    "cancel",
    "get_loop",
    "_asyncio_future_blocking",
)
"""What is asked of a future by who awaits it."""


class ForeignFuture:
    """Only what asyncio asks of a future; done in a moment, unless it is to be cancelled."""

    def __init__(self, bad: str, error: BaseException) -> None:
        self._bad, self._error = bad, error
        self._loop = asyncio.get_running_loop()
        self._callbacks: list[tuple[Callable[..., object], Any]] = []
        self._done = self._cancelled = False
        self._blocking = False
        if bad != "cancel":
            self._loop.call_later(0.001, self._finish)

    @property
    def _asyncio_future_blocking(self) -> bool:
        self._may_raise("_asyncio_future_blocking")
        return self._blocking

    @_asyncio_future_blocking.setter
    def _asyncio_future_blocking(self, blocking: bool) -> None:
        self._blocking = blocking

    def get_loop(self) -> asyncio.AbstractEventLoop:
        self._may_raise("get_loop")
        return self._loop

    def add_done_callback(self, callback: Callable[..., object], *, context: Any = None) -> None:
        self._may_raise("add_done_callback")
        self._callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[..., object]) -> int:
        before = len(self._callbacks)
        self._callbacks = [pair for pair in self._callbacks if pair[0] != callback]
        return before - len(self._callbacks)

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # asyncio's
        self._may_raise("cancel")
        if self._done:
            return False
        self._cancelled = True
        self._finish()
        return True

    def result(self) -> int:
        self._may_raise("result")
        if self._cancelled:
            raise asyncio.CancelledError
        return 22

    def exception(self) -> BaseException | None:
        self._may_raise("exception")
        return None

    def __await__(self) -> Generator[Any, None, int]:
        if not self._done:
            self._blocking = True
            yield self
        return self.result()

    def _finish(self) -> None:
        if not self._done:
            self._done = True
            for callback, context in self._callbacks:
                self._loop.call_soon(callback, self, context=context)

    def _may_raise(self, what: str) -> None:
        if what == self._bad:
            self._bad = ""  # once
            raise self._error


class BadAwaitable:
    """`__await__` raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __await__(self) -> Any:
        raise self._error


class BadSteps:
    """Its iterator raises: `next` at once or later, or `throw`, where it is cancelled."""

    def __init__(self, bad: str, error: BaseException) -> None:
        self._bad, self._error = bad, error
        self._steps = 0

    def __await__(self) -> "BadSteps":
        return self

    def __iter__(self) -> "BadSteps":
        return self

    def __next__(self) -> None:
        self._steps += 1
        if self._bad == "next" or (self._bad == "next_later" and self._steps == 3):
            raise self._error

    def send(self, _value: object) -> None:
        return self.__next__()

    def throw(self, error: Any, value: BaseException | None = None, *_: object) -> None:
        raise self._error if self._bad == "throw" else value or error

    def close(self) -> None:
        pass
