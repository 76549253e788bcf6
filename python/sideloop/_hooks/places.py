"""Places: how many hooks run at the same time, at each depth of nesting.

Async code may await thousands at once (`asyncio.gather`), and each has a thread. So those that come
when all places are taken wait, in turn. A hook waits only for hooks that are nested deeper, which
have places of their own: so those that wait do not wait for each other.

What keeps a worker from one step to the next (a generator, a context manager) takes no place: it
may well wait for others of its kind.
"""

import asyncio
import threading
from collections import deque

from sideloop._base.soon import call_soon

PLACES = 256
"""As many as a manager makes runners: see `sideloop._manager.runners`."""


class _Places:
    """Those of one depth."""

    def __init__(self) -> None:
        self.free = PLACES
        self.waiting: deque[asyncio.Future[None]] = deque()


class Place:
    """A place at this depth, from `async with` to the end of its block."""

    def __init__(self, depth: int) -> None:
        self._places = _at.setdefault(depth, _Places())

    async def __aenter__(self) -> None:
        # Made before the lock is taken, under which no Python code is to run.
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        places = self._places
        with _lock:
            if places.free > 0:
                places.free -= 1
                return
            places.waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            with _lock:
                given = waiter not in places.waiting
                if not given:
                    places.waiting.remove(waiter)
            if given:
                self._give_on()
            raise

    async def __aexit__(self, *error: object) -> None:
        self._give_on()

    def _give_on(self) -> None:
        while True:
            with _lock:
                waiter = self._places.waiting.popleft() if self._places.waiting else None
                if waiter is None:
                    self._places.free += 1
                    return
            if call_soon(waiter.get_loop(), _give, waiter):
                return
            # Its loop has been closed, and it will not come.


def _give(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


_at: dict[int, _Places] = {}

# Re-entrant: a signal handler may come here while this thread is inside.
_lock = threading.RLock()


def forget_inherited() -> None:
    """In a fork's child: nobody is there who has one, or waits."""
    global _lock  # another thread may have held it
    _at.clear()
    _lock = threading.RLock()
