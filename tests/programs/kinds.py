"""The kinds of loop that the programs are run with."""

import asyncio
from collections.abc import Callable


def loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Ours, asyncio's, or uvloop's."""
    if kind == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return {"native": None, "foreign": asyncio.new_event_loop}[kind]
