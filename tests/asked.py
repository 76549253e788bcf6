"""What asyncio says of functions."""

import asyncio
import inspect
import sys


def is_coroutine_function(one: object) -> bool:
    """`asyncio.iscoroutinefunction`, which is to go: since CPython 3.14 it only says so."""
    if sys.version_info >= (3, 14):
        return inspect.iscoroutinefunction(one)
    return asyncio.iscoroutinefunction(one)
