"""Packages: the stubs of all modules that need one."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from sideloop._stubs.errors import StubError
from sideloop._stubs.module import HEADER, Stub, needs_stub
from sideloop._stubs.source import source_path


def stubs_of(package: ModuleType) -> dict[Path, str]:
    """The stubs of a module and of all that it has inside, by where they are to be.

    Imports all of them.

    Raises:
        StubError: There is nothing to write a stub of, or somebody else's is in the way.
        BaseException: What a module raises that is imported.
    """
    stubs = {
        source_path(module).with_suffix(".pyi"): Stub(module).text()
        for module in _modules(package)
        if needs_stub(module)
    }
    if not stubs:
        raise StubError(
            f"{package.__name__} has no module with a twin at its top level; a stub is needed "
            f"where synced has made one of a class, function or module"
        )
    for path in stubs:
        if path.exists() and not path.read_text(encoding="utf-8").startswith(HEADER):
            raise StubError(f"{path} was not written by this command; move it away")
    return stubs


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    if getattr(package, "__file__", None) is not None:
        yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        if not found.name.endswith(".__main__"):  # which would run
            yield importlib.import_module(found.name)
