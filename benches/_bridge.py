"""A process in which the bridge of a library is: `_bridge.py LIBRARY theirs|ours`.

It reads what to time, a spacing and a number of calls in a line, and writes the nanoseconds.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _measure import Spacing, time_hot, time_spaced

sys.path.append(str(Path(__file__).resolve().parent.parent / "contract"))

from bridges.libraries import library_of  # where it is is not known before
from bridges.library import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable

TIME = {Spacing.HOT: time_hot, Spacing.SPACED: time_spaced}


async def async_add(a: int, b: int) -> int:
    """Return at its first step: what is left to measure is the way there and back."""
    return a + b


def main(name: str, whose: str) -> None:
    """Answer until nobody asks any more."""
    library = library_of(name)
    bridge = Bridge(library, whose)
    with bridge.opened:
        assert bridge.call(async_add, 10, 12) == 22
        call = bridge.bare
        # What others write there is not for who has asked.
        answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        for line in sys.stdin:
            spacing, calls = line.split()
            time = partial(timed, lambda: call(async_add, 10, 12), Spacing[spacing], int(calls))
            durations = library.setting(time)
            answers.write(json.dumps(durations) + "\n")
            answers.flush()


def timed(call: Callable[[], object], spacing: Spacing, calls: int) -> list[int]:
    """Some calls to warm up, then those that count."""
    TIME[spacing](call, max(3, calls // 10))
    return TIME[spacing](call, calls)


if __name__ == "__main__":
    main(*sys.argv[1:])
