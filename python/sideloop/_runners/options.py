"""What runners, and those who call on loops, can be told: who drives, and how long is waited."""

import itertools
import os
from collections.abc import Callable
from typing import Any, Literal

from sideloop._loops.making import Namer

GRACE = 5.0
"""How many seconds a cancelled task gets to unwind, unless said otherwise."""

SLOW_CALL_WARNING = 60.0
"""After how many seconds a call is logged that has not ended, unless said otherwise."""

Drive = Literal["thread", "caller"]

_ASKED: dict[str, Drive] = {"": "thread", "thread": "thread", "caller": "caller"}


def check_drive(drive: Drive) -> Drive:
    """Refuse what is no drive."""
    if drive not in ("thread", "caller"):
        raise ValueError(f"drive is 'thread' or 'caller', not {drive!r}")
    return drive


def drive_asked_for() -> Drive:
    """Who drives the loops of the default manager, as the environment says.

    Raises:
        ValueError: It says something else.
    """
    asked = os.environ.get("SIDELOOP_DRIVE", "")
    found = _ASKED.get(asked)
    if found is None:
        raise ValueError(
            f"the environment variable SIDELOOP_DRIVE is 'thread', as if it were not set, or "
            f"'caller', so that debuggers and profilers follow calls; it is {asked!r}"
        )
    return found


class Numbered:
    """Names tasks by a word and a number."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._numbers = itertools.count(1)

    def __call__(self, _: Callable[..., Any], /) -> str:
        return f"{self._word}-{next(self._numbers)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Numbered, (self._word,)


TaskName = str | Namer
"""What tasks are called: a word, which is numbered, or what this says of their function."""


def check_task_name(task_name: TaskName | None) -> Namer | None:
    """Refuse what gives no names."""
    if isinstance(task_name, str):
        return Numbered(task_name)
    if task_name is not None and not callable(task_name):
        raise TypeError(
            f"task_name is a word, which gets a number for each task, or a function that takes the "
            f"async function and returns a name: {task_name!r}"
        )
    return task_name


def check_slow(seconds: float | None) -> float | None:
    """Refuse what is no duration."""
    if seconds is None:
        return None
    if not seconds > 0:
        raise ValueError(
            f"slow_call_warning is a positive number of seconds, or None for never: {seconds!r}"
        )
    return float(seconds)


def check_grace(grace: float) -> float:
    """Refuse what is no duration."""
    if not grace >= 0:
        raise ValueError(f"grace is a number of seconds that is not negative: {grace!r}")
    return float(grace)
