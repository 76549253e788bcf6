"""Ends while daemon threads look for what is not in `sys.modules`: no sideloop.

Its names that are not immortal have CPython 3.13t look under the dict's lock where hashes meet. A
lock that is handed to a thread that the exit has stopped is never let go of: two of three runs of
this hang, with the main thread in `finalize_modules`.
"""

import sys
import threading
import time
import types

for number in range(300):
    sys.modules["".join(["x", str(number)])] = types.ModuleType("x")
NAMES = ["".join(["y", str(number)]) for number in range(100)]
start = threading.Barrier(5)


def look() -> None:
    """Without end."""
    get = sys.modules.get
    start.wait()
    while True:
        for name in NAMES:
            get(name)


for _ in range(4):
    threading.Thread(target=look, daemon=True).start()
start.wait()
time.sleep(0.05)
