"""Methods that are replaced are called, also where CPython tells nothing of dictionaries' changes.

`none_left`: other libraries have all of its watchers. `many_changes`: more than are counted.
"""

import asyncio
import ctypes
import sys
import time
from typing import Any
from unittest import mock

NO_WATCHERS = sys.version_info < (3, 12)

CHANGES = 1 << 20


def take_all_watchers() -> None:
    if NO_WATCHERS:
        return
    ignore = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, *[ctypes.c_void_p] * 3)(lambda *_: 0)
    kept.append(ignore)
    add = ctypes.pythonapi.PyDict_AddWatcher
    for _ in range(64):
        try:
            add(ignore)
        except RuntimeError:
            return
    raise AssertionError("there is no end of watchers")


def change_often(loop: Any) -> None:
    """After which the count, if it had that many bits, would be what it was."""
    own = vars(loop)
    for _ in range(CHANGES - 1):
        own["time"] = None
    own["time"] = lambda: 5.0
    assert loop.call_later(60, int).when() == 65.0
    del loop.time


def check(loop: Any) -> None:
    """What is replaced is called, and the old one once it is back."""
    for _ in range(3):
        now = loop.time()
        loop.time = lambda: 5.0
        assert [loop.call_later(60, int).when() for _ in range(3)] == [65.0] * 3
        del loop.time
        assert loop.call_later(60, int).when() >= now + 60
        with mock.patch.object(time, "monotonic", return_value=7.0):
            assert [loop.call_later(60, int).when() for _ in range(3)] == [67.0] * 3
        with mock.patch.object(asyncio.base_events, "time", mock.Mock(monotonic=lambda: 9.0)):
            assert loop.call_later(60, int).when() == 69.0
        assert loop.call_later(60, int).when() >= now + 60


async def library() -> str:
    sniffio = sys.modules.get("sniffio")
    return "none" if sniffio is None else sniffio.current_async_library()


kept: list[Any] = []
if sys.argv[1] == "none_left":
    take_all_watchers()
import sideloop  # noqa: E402

loop = sideloop.EventLoop()
check(loop)
if sys.argv[1] == "many_changes":
    change_often(loop)
    check(loop)
loop.close()

assert sideloop.run_sync(library) == "none"
import sniffio  # noqa: E402

sniffio.current_async_library_cvar.set("trio")
assert sideloop.run_sync(library) == "asyncio"
print("ok")
