"""What a call costs with each tool, beside the first one's: medians of one process."""

import random
import statistics
import time
from collections.abc import Callable, Sequence

from twins.attempt import tool_of

ROUNDS = 30
CALLS = 100
TIMES = "\N{MULTIPLICATION SIGN}"


def ratios(names: Sequence[str]) -> list[str]:
    """For each tool how many times as long it takes: once for the first."""
    adds = [tool_of(name).Client().add for name in names]
    times: list[list[float]] = [[] for _ in adds]
    order = list(range(len(adds)))
    for _ in range(ROUNDS):
        random.shuffle(order)
        for index in order:
            times[index].append(seconds(adds[index]))
    medians = [statistics.median(found) for found in times]
    return [f"{TIMES} {_rounded(found / medians[0])}" for found in medians]


def seconds(add: Callable[[int, int], int]) -> float:
    """How long some calls take, after some that warm up."""
    for _ in range(CALLS // 10):
        add(1, 2)
    begin = time.perf_counter()
    for _ in range(CALLS):
        add(1, 2)
    return time.perf_counter() - begin


def _rounded(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1g}"
