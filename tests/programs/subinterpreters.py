"""Interpreters of one process, which import sideloop one after the other, and call.

They are named on the command line: `main`; `shared`, which has the interpreter lock in common with
it, as mod_wsgi's have; `isolated`, which has its own, as those of `concurrent.interpreters`.
"""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

USE = """
import sys
try:
    import sideloop
except ImportError as error:
    print({name!r}, error)
else:
    async def add(a, b):
        return a + b

    print({name!r}, sideloop.run_sync(add, 10, b=12))
sys.stdout.flush()
"""


def make(name: str) -> Callable[[str], object]:
    """What runs code in a new interpreter."""
    is_new = sys.version_info >= (3, 13)
    library: Any = importlib.import_module("_interpreters" if is_new else "_xxsubinterpreters")
    if is_new:
        made = library.create("isolated" if name == "isolated" else "legacy")
        return lambda code: library.exec(made, code)
    made = library.create(isolated=name == "isolated")
    return lambda code: library.run_string(made, code)


runs = [exec if name == "main" else make(name) for name in sys.argv[1:]]
for name, run in zip(sys.argv[1:], runs, strict=True):
    run(USE.format(name=name))
# CPython 3.11 dies of an interpreter that ends, or is forgotten, with another thread in it.
os._exit(0)
