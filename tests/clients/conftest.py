"""Runs in the environment of clients.txt; what programs need is found as in the other tests."""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples" / "clients"

sys.path[:0] = [str(TESTS), str(EXAMPLES)]
os.environ["PYTHONPATH"] = str(EXAMPLES)
