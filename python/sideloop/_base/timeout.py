"""Time limits for calls."""

import math
import time
from contextvars import Token
from types import TracebackType

from sideloop._sideloop import deadline


class timeout:  # noqa: N801  # reads as a statement, like asyncio.timeout
    """Limit the calls made in a `with` block.

    A call that has not ended `seconds` after the block was entered is cancelled. It gets the
    runner's grace to unwind, then the caller gets `TimeoutError`, with what the task raised as its
    cause. A task that will not stop is left behind and named in a log warning. Blocks nest, the
    nearer deadline wins, and calls nested in a limited call inherit it.

    Blocks nothing itself. Usable once.

    Args:
        seconds: The limit in seconds, from entering the block; 0 gives every call up at once.

    Raises:
        ValueError: `seconds` is negative or not a number.
        TimeoutError: From a call in the block.

    >>> import asyncio, sideloop
    >>> with sideloop.timeout(0.01):
    ...     sideloop.run_sync(asyncio.sleep, 60)
    Traceback (most recent call last):
        ...
    TimeoutError: asyncio.tasks.sleep() did not end within 0.01 s
    """

    def __init__(self, seconds: float) -> None:
        if not seconds >= 0:
            raise ValueError(f"a timeout is a number of seconds that is not negative: {seconds!r}")
        self._seconds = float(seconds)
        self._token: Token[tuple[float, float] | None] | None = None

    def __enter__(self) -> None:
        outer = deadline.get()
        own = (time.monotonic() + self._seconds, self._seconds)
        nearer = own if outer is None else min(outer, own)
        self._token = deadline.set(nearer if math.isfinite(nearer[0]) else None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            deadline.reset(self._token)
            self._token = None
