"""unasync: a sync library that is written of the async one when its package is built."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import unasync

from twins import library
from twins.outcome import NotOfferedError
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "unasync", "unasync"
SAYS = "the sources rewritten, with `sleep`, `Lock` and `gather` made sync by hand"
BY_HAND: frozenset[str] = frozenset()

STAND_IN = '''
"""What the library uses of asyncio, for sync code."""
import threading, time
sleep, Lock = time.sleep, threading.Lock
def gather(*values): return list(values)
'''

_REPLACED = {"asyncio": "stand_in", "AsyncClient": "Client", "AsyncItem": "Item"}


def _rewrite(folder: Path, name: str) -> None:
    """Make the sync file of an async one, in its place."""
    for part in ("_async", "_sync"):
        (folder / part).mkdir()
    source = (folder / name).rename(folder / "_async" / name)
    rule = unasync.Rule(str(source.parent), str(folder / "_sync"), _REPLACED)
    unasync.unasync_files([str(source)], [rule])
    (folder / "_sync" / name).rename(folder / name)


def _rewritten() -> Any:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(str(library.__file__), folder / "library.py")
        (folder / "stand_in.py").write_text(STAND_IN)
        _rewrite(folder, "library.py")
        sys.path.insert(0, name)
        spec = importlib.util.spec_from_file_location("sync_library", folder / "library.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.path.remove(name)
    return module


_library = _rewritten()
_library.user = library.user  # the same variable, to be asked about

Client: Any = _library.Client
Item: Any = _library.Item


def call(async_fn: Any, *_: Any) -> Any:
    """Call any async function: it would have to be rewritten."""
    raise NotOfferedError(async_fn)


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own: it is another library's."""
    raise NotOfferedError(client)


def type_of_sum() -> str:
    """What mypy says of `add`."""
    return _type_of_sum("", "Client().add(1, 2)", lambda folder: _rewrite(folder, "api.py"))
