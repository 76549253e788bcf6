"""redis.asyncio for sync code: its twin, made of the package as it is on PyPI.

Run it with `python examples/clients/counter.py`. It needs redis, and Debian's redis-server.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis.asyncio
import servers

from sideloop import synced

serve = servers.redis

aio = synced(redis.asyncio)


def connect(address: str) -> Any:
    """A client, as any code of a sync user makes one."""
    return aio.Redis.from_url(address, decode_responses=True)


def ask(client: Any, n: int) -> str:
    """Ask something whose answer is `answer(n)`, whoever else is asking."""
    with client.pipeline() as pipe:
        pipe.set(f"question:{n}", f"redis {n}").get(f"question:{n}")
        _, found = pipe.execute()
    return str(found)


def answer(n: int) -> str:
    """What `ask` returns."""
    return f"redis {n}"


def tour(client: Any) -> None:
    """What else a sync program does with it."""
    client.set("greeting", "hello")
    print(client.get("greeting"))

    # Threads share one client, and its connection pool.
    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda _: client.incr("count"), range(100)))
    print(f"counted to {max(counted)}, {len(set(counted))} different answers")

    # Async iterators are iterators.
    print(sorted(client.scan_iter("question:*")))

    # The library awaits this function: it runs on a thread of its own, and may call the client.
    def double(pipe: Any) -> None:
        count = int(client.get("count"))
        pipe.multi()
        pipe.set("count", 2 * count)

    client.transaction(double, "count")
    print(client.get("count"))


def main() -> None:
    """Serve, use, close."""
    with serve() as address, connect(address) as client:
        assert ask(client, 1) == answer(1)
        tour(client)


if __name__ == "__main__":
    main()
