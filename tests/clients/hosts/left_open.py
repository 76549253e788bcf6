"""A client that nobody closes: the process ends at once, and quietly."""

import importlib
import sys

example = importlib.import_module(sys.argv[1])
client = example.connect(sys.argv[2])
assert example.ask(client, 1) == example.answer(1)
print("ok")
