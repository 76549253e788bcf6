"""Hooks where threads are greenlets: `sync_hooks_in_hubs.py gevent|eventlet`."""

import sys
import threading
import time
import warnings

if sys.argv[1] == "gevent":
    from gevent import monkey

    monkey.patch_all()
else:
    warnings.simplefilter("ignore")
    import eventlet

    eventlet.monkey_patch()

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import sideloop


class AsyncFeed:
    async def one(self, handler: Callable[[int], Awaitable[Any]]) -> Any:
        return await handler(1)

    async def double(self, n: int) -> int:
        return n * 2

    async def items(self, n: int) -> AsyncIterator[int]:
        for k in range(n):
            yield k

    async def all(self) -> list[int]:
        return [item async for item in self.items(2)]


Feed: Any = sideloop.synced(AsyncFeed)


class Mine(Feed):
    def double(self, n: int) -> int:
        return int(super().double(n)) + 1

    def items(self, n: int) -> Iterator[int]:
        yield self.double(1)
        yield from super().items(n)


feed = Mine()
assert feed.one(lambda n: feed.double(n)) == 3
assert feed.all() == [3, 0, 1]

begun = time.monotonic()
threads = [threading.Thread(target=feed.one, args=(lambda _: time.sleep(0.5),)) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert time.monotonic() - begun < 2.5, "they wait for each other"
print("ok")
