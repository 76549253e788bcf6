"""Time limits for calls."""

from sideloop._sideloop import Limit


class timeout(Limit):  # noqa: N801  # reads as a statement, like asyncio.timeout
    """Limit the calls made in a `with` block.

    A call that has not ended `seconds` after the block was entered is cancelled. It gets the
    runner's grace to unwind, then the caller gets `TimeoutError`, with what the task raised as its
    cause. A task that will not stop is left behind and named in a log warning. A call that would
    begin later is not started. Blocks nest, the nearer deadline wins, and calls nested in a limited
    call inherit it.

    The limit ends with its block, wherever that is left: tasks and callbacks that were made inside
    and go on after it are not limited any more.

    Blocks nothing itself. Usable once.

    Args:
        seconds: The limit in seconds, from entering the block; with 0 no call is started.

    Raises:
        ValueError: `seconds` is negative or NaN.
        TypeError: `seconds` is no number.
        RuntimeError: It was entered before.
        TimeoutError: From a call in the block.

    >>> import asyncio, sideloop
    >>> with sideloop.timeout(0.01):
    ...     sideloop.run_sync(asyncio.sleep, 60)
    Traceback (most recent call last):
        ...
    TimeoutError: asyncio.tasks.sleep() did not end within 0.01 s
    """

    __slots__ = ("__weakref__",)
