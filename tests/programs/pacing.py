"""How slow the machine is: the test that starts a program has measured it (`../pace.py`)."""

import os

PACE = float(os.environ.get("SIDELOOP_PACE", "1"))


def scaled(seconds: float) -> float:
    """As many seconds as this machine needs for what usually takes so many at most."""
    return seconds * PACE
