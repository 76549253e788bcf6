"""Runs in the environment of servers.txt; what programs need is found as in the other tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
