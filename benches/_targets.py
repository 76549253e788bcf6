"""The targets: how fast sideloop's event loop is meant to be beside the others, by kind of work."""

from __future__ import annotations

from dataclasses import dataclass

from _loops import ASYNCIO, RLOOP, UVLOOP, LoopPeer
from _verdict import Limit, as_fast, within
from _work import Kind


@dataclass(frozen=True)
class Target:
    """One target: for a kind of work, what our time has to be beside a loop's."""

    kind: Kind
    peer: LoopPeer
    limit: Limit


TARGETS = (
    Target(Kind.SCHEDULING, ASYNCIO, as_fast(2.5)),
    Target(Kind.SCHEDULING, UVLOOP, as_fast(1)),
    Target(Kind.SCHEDULING, RLOOP, within(1.3)),
    Target(Kind.ECHO, ASYNCIO, as_fast(1.4)),
    Target(Kind.ECHO, UVLOOP, within(1.15)),
)
