"""Call an async function from synchronous code.

Run it with `python examples/hello.py`, or run the function alone from the shell with
`cd examples && python -m sideloop run hello:async_add a=10 b=12`.
"""

import asyncio

from sideloop import run_sync, synced


async def async_add(a: int, b: int) -> int:
    """Add two numbers, as asynchronously as that can be done."""
    await asyncio.sleep(0)
    return a + b


add = synced(async_add)


if __name__ == "__main__":
    print("run_sync(async_add, a=10, b=12) =", run_sync(async_add, a=10, b=12))
    print("synced(async_add)(20, b=22) =", add(20, b=22))
