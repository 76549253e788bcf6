"""The loops: every event loop that is compared, made the way its own documentation makes it."""

# mypy: disable-error-code="import-not-found,import-untyped,attr-defined,no-any-return"
# Any loop may be absent where this is type-checked.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from _peers import version_of, why_left_out


@dataclass(frozen=True)
class LoopPeer:
    """One event loop: its name, the distribution it comes from, and how to make it."""

    name: str
    distribution: str | None
    make: Callable[[], asyncio.AbstractEventLoop]

    @property
    def version(self) -> str:
        """The version of the distribution, or where the loop comes from instead."""
        return version_of(self.distribution)


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _rloop() -> asyncio.AbstractEventLoop:
    import rloop

    return rloop.new_event_loop()


def _zuvloop() -> asyncio.AbstractEventLoop:
    import zuvloop

    return zuvloop.new_event_loop()


def _sideloop() -> asyncio.AbstractEventLoop:
    from sideloop import EventLoop

    return EventLoop()


def _with_asyncios() -> asyncio.AbstractEventLoop:
    from sideloop import EventLoop

    return EventLoop(transports="asyncio")


ASYNCIO = LoopPeer("asyncio", None, asyncio.SelectorEventLoop)
UVLOOP = LoopPeer("uvloop", "uvloop", _uvloop)
RLOOP = LoopPeer("rloop", "rloop", _rloop)
ZUVLOOP = LoopPeer("zuvloop", "zuvloop", _zuvloop)
SIDELOOP = LoopPeer("sideloop", "sideloop", _sideloop)
WITH_ASYNCIOS = LoopPeer("transports", "sideloop", _with_asyncios)
"""Ours, with asyncio's transports."""

LOOPS = (ASYNCIO, UVLOOP, RLOOP, ZUVLOOP, SIDELOOP)
IO_LOOPS = (*LOOPS, WITH_ASYNCIOS)
"""The loops that are compared where bytes move."""

Loops = dict[LoopPeer, asyncio.AbstractEventLoop]


def open_loops(
    stack: ExitStack, peers: Sequence[LoopPeer] = LOOPS
) -> tuple[Loops, dict[LoopPeer, str]]:
    """Make each loop, to be kept until the end.

    Args:
        stack: Closes the loops when it is closed.
        peers: Which loops.

    Returns:
        The loops that can be measured, and for each other one why it cannot.
    """
    loops: Loops = {}
    left_out: dict[LoopPeer, str] = {}
    for peer in peers:
        try:
            loop = peer.make()
        except ImportError as error:
            left_out[peer] = why_left_out(error, peer.distribution)
            continue
        stack.callback(loop.close)
        loops[peer] = loop
    return loops, left_out
