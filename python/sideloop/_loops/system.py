"""Which system's loops are made: those of this one, or, to test them here, those of another."""

import os
import sys

from sideloop._sideloop import do_without_bells

_OTHERS = ("darwin", "win32")


def _asked_for() -> str:
    asked = os.environ.get("SIDELOOP_LOOPS_OF", "")
    if asked in ("", sys.platform):
        return sys.platform
    if sys.platform != "linux" or asked not in _OTHERS:
        raise ValueError(
            f"the environment variable SIDELOOP_LOOPS_OF is for tests, which have Linux make the "
            f"loops of 'darwin' or 'win32'; on {sys.platform!r} it cannot be {asked!r}: unset it"
        )
    return asked


LOOPS_OF = _asked_for()
"""As `sys.platform` says it."""

HAS_EPOLL = LOOPS_OF == "linux"
"""Whether loops are polled natively, hear a bell that is rung without the interpreter, and may have
native transports."""

if not HAS_EPOLL:
    do_without_bells()
