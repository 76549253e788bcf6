"""A call for debuggers and profilers to follow: `traced.py [breakpoint | fail]`."""

import asyncio
import sys

from sideloop import run_sync


def compute(n: int) -> int:
    total = 0
    for k in range(n):
        total += k * k
    return total


async def inner(n: int) -> int:
    await asyncio.sleep(0.01)
    if "breakpoint" in sys.argv:
        breakpoint()
    if "fail" in sys.argv:
        raise ValueError(n)
    return compute(n)


async def outer(n: int) -> int:
    first = await inner(n)
    second = await inner(n + 1)
    return first + second


def main() -> int:
    run_sync(asyncio.sleep, 0)  # which makes the loop
    return run_sync(outer, 300_000)


if __name__ == "__main__":
    print(main())
