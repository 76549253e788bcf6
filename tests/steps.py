"""What code takes in steps of Python, without those of what others left for the collector."""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """In here no finalizer of another's garbage runs, nor anyone's callback of the collector."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def profiled(act: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Each event of `sys.setprofile` with its code, of all that the act runs in this thread."""
    found: list[tuple[str, Any]] = []
    with uncollected():
        sys.setprofile(lambda frame, event, _: found.append((event, frame.f_code)))
        try:
            act()
        finally:
            sys.setprofile(None)
    return found


def codes_called(act: Callable[[], Any]) -> list[Any]:
    """The code of each function written in Python that it calls, its own first."""
    return [code for event, code in profiled(act) if event == "call"]
