"""Tests that are not for every system.

`SIDELOOP_LOOPS_OF=darwin` has Linux make loops as macOS has them: ours, on a selector that is asked
in Python, rung by `call_soon_threadsafe`. With `win32` they are asyncio's own, as on Windows, but
for those that callers drive. So what runs there is tested here, as far as it is ours.
"""

import marks
import pytest

from sideloop._loops.system import HAS_EPOLL, LOOPS_OF

GREENLETS = "calls of greenlets are served on Linux only"
NATIVE = "transports are asyncio's own"
EPOLL = "epoll is Linux's"
PYTHON = "a loop waits, and is woken, by Python code of asyncio's"

WITHOUT_EPOLL = {
    "test_contract.py::*[gevent_*": GREENLETS,
    "test_errand.py::*_whose_threads_are_greenlets_*": GREENLETS,
    "test_sync_hooks.py::*_whose_threads_are_greenlets_*": GREENLETS,
    "test_hubs.py::*": GREENLETS,
    "test_connecting.py::*": NATIVE,
    "test_datagrams*.py::*": NATIVE,
    "test_numeric_hosts.py::*": NATIVE,
    "test_pipes*.py::*": NATIVE,
    "test_tls*.py::*": NATIVE,
    "test_transport*.py::*": NATIVE,
    "docs/event-loop.md::*": NATIVE,
    "test_import.py::test_the_extension_finds_*": "the selector for epoll is not loaded",
    "test_locks.py::*[a selector's fileno]": EPOLL,
    "test_sock_methods.py::TestARegistration::*": EPOLL,
    "test_event_loop_errors.py::*[closed_file-*": "the selector takes closed files",
    "test_interrupted_end.py::*_runs_between_the_items_*": PYTHON,
}
"""Why some are not for systems that have no epoll: patterns, in which `[` stands for itself."""

ASYNCIOS = "a thread's loop is asyncio's own"

ON_WINDOWS = {
    "test_runner.py::*_done_at_once_is_told_before_*": ASYNCIOS,
    "test_run_on.py::*_is_closed_to_a_circle_of_runners_loops": ASYNCIOS,
}
"""Why some more are not for Windows, of those files that were run with its loops."""


def mark(items: list[pytest.Item]) -> None:
    """Skip what is not for the system whose loops are made."""
    reasons: dict[str, str] = {}
    if not HAS_EPOLL:
        reasons |= WITHOUT_EPOLL
    if LOOPS_OF == "win32":
        reasons |= ON_WINDOWS
    marks.skip(items, reasons)
