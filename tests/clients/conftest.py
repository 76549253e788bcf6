"""Runs in the environment of clients.txt; what programs need is found as in the other tests."""

import os
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples" / "clients"

sys.path[:0] = [str(TESTS), str(EXAMPLES)]
os.environ["PYTHONPATH"] = str(EXAMPLES)

# Whoever is started in the background ignores Ctrl-C, and so do his children.
signal.signal(signal.SIGINT, signal.default_int_handler)
