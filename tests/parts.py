"""Which tests run beside which: two parts side by side, on a core each, then what must be alone.

`scripts/test` runs each part by its name, in a pytest of its own.
"""

import pytest

ALONE = (
    "test_interrupt.py::TestCtrlC::test_is_answered_within_fifty_milliseconds",
    "test_drive_interrupt.py::TestCtrlC::test_is_answered_whenever_it_comes",
)
"""Tests that measure how soon something happens."""

SECOND = (
    "test_asyncio_suite.py",
    "test_hooks.py",
    "test_publish.py",
    "test_stubs.py",
    "test_stubs_hooks.py",
    "test_stubs_module.py",
    "test_stubs_served.py",
    "test_typing.py",
    "test_typing_sdk.py",
    "test_unwinding.py",
)
"""Files that take about as long together as all the others."""

NAMES = ("first", "second", "alone")


def add_option(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=NAMES, help="run this part of the tests (default: all)")


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the part that was asked for."""
    asked = config.getoption("--part")
    if asked is None:
        return
    others = [item for item in items if _part(item) != asked]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if _part(item) == asked]


def _part(item: pytest.Item) -> str:
    test = item.nodeid.removeprefix("tests/")
    if test.partition("[")[0] in ALONE:
        return "alone"
    return "second" if test.startswith(SECOND) else "first"
