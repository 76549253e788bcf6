"""Tests that are not for every interpreter, and what differs without the lock (CPython 3.13t)."""

import gc
import os
import sys
import sysconfig
import time
import weakref
from typing import Any

import marks
import pytest

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

IN_DEBUG_MODE = bool(os.environ.get("PYTHONASYNCIODEBUG")) or sys.flags.dev_mode
"""Whether asyncio's loops begin in it."""

TOOLS = "says the same on every interpreter (requirements/free-threaded.in)"
PYDANTIC = "no pydantic (requirements/free-threaded.in)"
GREENLETS = "no greenlets (requirements/free-threaded.in)"
UVLOOP = "no uvloop (requirements/free-threaded.in)"

# CPython's own: programs/immortal_class.py and programs/daemons_at_exit.py have no sideloop.
IMMORTAL = "CPython 3.13t keeps each class for ever that is made once there has been a thread"
ASYNCIOS = "asyncio's Event is its loop's thread's alone; with the lock it takes another one's set"
AT_EXIT = "CPython 3.13t may hang at its exit while daemon threads meet at the lock of a dict"

FILES = {
    "test_typing.py": TOOLS,
    "test_typing_sdk.py": TOOLS,
    "test_stubs.py": TOOLS,
    "test_stubs_hooks.py": TOOLS,
    "test_stubs_module.py": TOOLS,
    "test_stubs_served.py": TOOLS,
    "test_publish.py": TOOLS,
    "test_kept_bases.py": PYDANTIC,
}
"""Which cannot be read without what is missing, or have nothing else in them."""

WITHOUT_LOCK = {
    "*uvloop*": UVLOOP,
    "test_cli.py::*": PYDANTIC,
    "test_comparison.py::*[typed]": TOOLS,
    "test_tutorial.py::*": TOOLS,
    "test_twin_example.py::TestThePublishedStubs::*": TOOLS,
    "test_errand.py::*_whose_threads_are_greenlets_*": GREENLETS,
    "test_sync_hooks.py::*_whose_threads_are_greenlets_*": GREENLETS,
    "test_hubs.py::*": GREENLETS,
    "test_translation.py::*_of_what_is_known_of_a_class_ends_with_it": IMMORTAL,
    "test_twin_objects.py::*_closes_with_its_manager_although_objects_were_there": IMMORTAL,
    "test_overrides.py::*_any_more_is_collected": IMMORTAL,
    "test_deep.py::*_holds_no_class_longer_than_anyone_needs*": IMMORTAL,
    "test_scheduled_elsewhere.py::*_is_heard_while_the_caller_drives": ASYNCIOS,
    "test_scheduled_elsewhere.py::*_waits_on_the_objects_loop[event]": ASYNCIOS,
    "test_exit.py::*_daemon_threads_call_without_end*": AT_EXIT,
    "test_drive_end.py::*_while_daemon_threads_have_loops": AT_EXIT,
}
"""Why some are not for interpreters without the lock: patterns, in which `[` stands for itself."""


def let_go() -> bool:
    """Have all be gone that nobody holds, also where a thread that waits has made it.

    With the lock it is at once. Without it the reference that another thread gives up is counted by
    the one that has made the object, when that runs next, or by the collector.
    """
    if FREE_THREADED:
        gc.collect()
    return False


def is_gone(reference: "weakref.ref[Any]") -> bool:
    """Whether nobody holds it any more; without the lock, soon."""
    end = time.monotonic() + 20 * FREE_THREADED
    while reference() is not None and time.monotonic() < end:
        let_go()
        time.sleep(0.002)
    return reference() is None


def left_out(name: str) -> bool:
    """Whether a file of tests is not even read."""
    return FREE_THREADED and name in FILES


def mark(items: list[pytest.Item]) -> None:
    """Skip what is not for this interpreter."""
    if FREE_THREADED:
        marks.skip(items, WITHOUT_LOCK)
