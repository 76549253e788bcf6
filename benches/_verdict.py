"""The verdict: whether a target is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from _figures import TIMES
from _measure import Summary


@dataclass(frozen=True)
class Verdict:
    """Whether a target is met: by the medians of all batches, and in how many rounds by theirs.

    A target that is met over all and missed in many rounds, or the other way round, is within the
    noise.
    """

    figure: float
    met: bool
    met_in_rounds: int
    rounds: int

    @property
    def word(self) -> str:
        """The verdict."""
        return "met" if self.met else "not met"

    @property
    def in_rounds(self) -> str:
        """In how many rounds it was met."""
        return f"in {self.met_in_rounds} of {self.rounds} rounds"


@dataclass(frozen=True)
class Limit:
    """What a figure, made of our median and another's, has to be."""

    text: str
    figure: Callable[[float, float], float]
    met: Callable[[float], bool]

    def judge(self, ours: Summary, theirs: Summary) -> Verdict:
        """Compare two summaries. Nothing is rounded before it is compared."""
        rounds = list(zip(ours.round_medians, theirs.round_medians, strict=True))
        figure = self.figure(ours.median, theirs.median)
        met_in = sum(self.met(self.figure(*medians)) for medians in rounds)
        return Verdict(figure, self.met(figure), met_in, len(rounds))


def as_fast(least: float) -> Limit:
    """So many times as fast, at least; the figures are durations."""
    text = f"at least {TIMES}{least:g} as fast" if least > 1 else "as fast, or faster"
    return Limit(text, lambda ours, theirs: theirs / ours, lambda figure: figure >= least)


def within(most: float) -> Limit:
    """So many times its time, at most; the figures are durations."""
    text = f"within {TIMES}{most:g} of its time"
    return Limit(text, lambda ours, theirs: ours / theirs, lambda figure: figure <= most)
