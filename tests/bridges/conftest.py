"""Runs in the environment of bridges.txt; what programs need is found as in the other tests."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

# Whoever is started in the background ignores Ctrl-C, and so do his children.
signal.signal(signal.SIGINT, signal.default_int_handler)
