"""How slow the machine is beside an idle one, and what time limits are because of that.

It is measured once in a session, by work of the kind that the tests do. The programs that a test
starts read it from their environment.
"""

import functools
import os
import subprocess
import sys
import time

USUAL = 0.45
"""Seconds that the work takes on idle cores of the machine on which the limits were chosen."""

VARIABLE = "SIDELOOP_PACE"

WORK = """
import asyncio, threading
async def main():
    for _ in range(300):
        await asyncio.sleep(0)
for _ in range(5):
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join()
"""


@functools.cache
def pace() -> float:
    """How many times longer than usual things take, and 1 where they take less."""
    told = os.environ.get(VARIABLE)
    if told is None:
        told = os.environ[VARIABLE] = f"{max(1.0, _measure() / USUAL):.2f}"
    return float(told)


def scaled(seconds: float) -> float:
    """As many seconds as this machine needs for what usually takes so many at most."""
    return seconds * pace()


def _measure() -> float:
    # An interpreter that has just been made compiles what it imports.
    _work()
    start = time.monotonic()
    for _ in range(4):
        _work()
    return time.monotonic() - start


def _work() -> None:
    subprocess.run([sys.executable, "-c", WORK], check=True)
