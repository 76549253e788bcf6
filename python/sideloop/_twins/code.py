"""What the code of a `def` shows: whether it needs a running loop, and whether it may be async."""

import asyncio
import builtins
import dis
import functools
import types
from typing import Any

_ASKING = frozenset(
    """
    create_task current_task ensure_future gather get_event_loop get_running_loop open_connection
    shield timeout timeout_at wait_for
    """.split()  # noqa: SIM905  # to be read
)
"""Functions of asyncio that ask for the running loop."""


def asks_for_loop(function: Any) -> bool:
    """Whether a function itself asks asyncio for the running loop, so that it must be called there.

    A function that it calls may, too. Nothing shows that.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType) or not _names_asking(code):
        return False
    known: dict[str, Any] = getattr(function, "__globals__", {})
    return "asyncio" in code.co_names or any(
        known.get(name) in (asyncio, getattr(asyncio, name, asyncio)) for name in code.co_names
    )


@functools.lru_cache(4096)
def _names_asking(code: types.CodeType) -> bool:
    return not _ASKING.isdisjoint(code.co_names)


def is_plain_code(function: Any) -> bool:
    """Whether a function does no more than to compute, so that it returns nothing async."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType) or code.co_freevars:
        return False
    known: dict[str, Any] = getattr(function, "__globals__", {})
    if any(name in known or not hasattr(builtins, name) for name in code.co_names):
        return False
    # More calls than names of built-in functions: it calls what was passed to it.
    return _calls(code) <= len(code.co_names)


def _calls(code: types.CodeType) -> int:
    names = (dis.opname[operation] for operation in code.co_code[::2])
    return sum(name.startswith("CALL") and "INTRINSIC" not in name for name in names)
