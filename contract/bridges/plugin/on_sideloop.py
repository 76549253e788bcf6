"""A plugin of pytest's: the tests of a library run with the drop-in that SIDELOOP_DROP_IN names."""

import importlib
import os

drop_in = importlib.import_module(f"sideloop.compat.{os.environ['SIDELOOP_DROP_IN']}")
drop_in.install()


def pytest_sessionfinish() -> None:
    """It was there until the end."""
    module, _, name = os.environ["SIDELOOP_REPLACED"].partition(":")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = vars(found)[part]
    assert found.__module__.startswith("sideloop.compat."), found
