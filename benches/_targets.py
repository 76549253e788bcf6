"""The targets: how fast sideloop's event loop is meant to be beside the others, by kind of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from _figures import TIMES
from _loops import ASYNCIO, RLOOP, UVLOOP, LoopPeer
from _measure import Summary
from _work import Kind


@dataclass(frozen=True)
class Verdict:
    """Whether a target is met: by the medians of all batches, and in how many rounds by theirs.

    A target that is met over all and missed in many rounds, or the other way round, is within the
    noise.
    """

    figure: float
    met: bool
    met_in_rounds: int


@dataclass(frozen=True)
class Target:
    """One target: a ratio of medians, and what it has to be."""

    kind: Kind
    peer: LoopPeer
    text: str
    figure: Callable[[float, float], float]
    met: Callable[[float], bool]

    def judge(self, ours: Summary, theirs: Summary) -> Verdict:
        """Compare two summaries. Nothing is rounded before it is compared."""
        rounds = zip(ours.round_medians, theirs.round_medians, strict=True)
        figure = self.figure(ours.median, theirs.median)
        met_in = sum(self.met(self.figure(*medians)) for medians in rounds)
        return Verdict(figure, self.met(figure), met_in)


def _speed(ours: float, theirs: float) -> float:
    return theirs / ours


def _time(ours: float, theirs: float) -> float:
    return ours / theirs


def _as_fast(kind: Kind, peer: LoopPeer, least: float) -> Target:
    text = f"at least {TIMES}{least:g} as fast" if least > 1 else "as fast, or faster"
    return Target(kind, peer, text, _speed, lambda figure: figure >= least)


def _within(kind: Kind, peer: LoopPeer, most: float) -> Target:
    return Target(kind, peer, f"within {TIMES}{most:g} of its time", _time, lambda f: f <= most)


TARGETS = (
    _as_fast(Kind.SCHEDULING, ASYNCIO, 2.5),
    _as_fast(Kind.SCHEDULING, UVLOOP, 1),
    _within(Kind.SCHEDULING, RLOOP, 1.3),
    _as_fast(Kind.ECHO, ASYNCIO, 1.4),
    _within(Kind.ECHO, UVLOOP, 1.15),
)
