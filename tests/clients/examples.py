"""The examples on async clients, and which of them cannot run here."""

import importlib
from types import ModuleType

import pytest
import servers

EXAMPLES = ("counter", "fetch", "echo")


def example_of(name: str) -> ModuleType:
    """An example; the test is skipped where the server that it needs is not installed."""
    example = importlib.import_module(name)
    if missing := servers.missing(example.serve):
        pytest.skip(missing)
    return example
