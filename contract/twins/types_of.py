"""What mypy says of a user's code, which a tool writes for its library."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from twins.outcome import NotOfferedError

LIBRARY = '''
class AsyncClient:
    async def add(self, a: int, b: int) -> int:
        """Add."""
        return a + b
'''

Prepare = Callable[[Path], object]
"""What the library's author does in its folder, before it is published."""


def module(name: str, *options: str) -> Callable[[Path], str]:
    """Run `python -m name` there."""

    def run(folder: Path) -> str:
        where = {"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
        command = [sys.executable, "-m", name, *options]
        environment = {**os.environ, **where, "MYPYPATH": str(folder)}
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        return done.stdout

    return run


def type_of_sum(wrapping: str, using: str, prepare: Prepare = lambda _: None) -> str:
    """The type of `using`, once the library's author has wrapped it and prepared that."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "api.py").write_text(LIBRARY + wrapping)
        prepare(folder)
        (folder / "user.py").write_text(f"from api import *\nreveal_type({using})\n")
        said = module("mypy", "user.py")(folder)
        found = re.search(r'Revealed type is "(.*)"', said)
        if found is None:
            raise NotOfferedError(said)
        return found[1].removeprefix("builtins.")
