"""Packages: the stubs of all modules that need one."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sideloop._stubs.bases import is_read
from sideloop._stubs.errors import StubError
from sideloop._stubs.module import HEADER, Stub, is_twin, needs_stub
from sideloop._stubs.source import read_together, source_path


def stubs_of(package: ModuleType) -> dict[Path, str | None]:
    """The stubs of a module and of all that it has inside, by where they are to be.

    None for one that this command has written, of a module that needs none any more.

    Imports all of them.

    Raises:
        StubError: There is nothing to write a stub of, or somebody else's is in the way.
        BaseException: What a module raises that is imported.
    """
    modules = [module for module in _modules(package) if needs_stub(module)]
    read_together(dict.fromkeys(needed for module in modules for needed in _read_for(module)))
    left_over: dict[Path, str | None] = dict.fromkeys(_written_in(package))
    stubs = left_over | {
        source_path(module).with_suffix(".pyi"): Stub(module).text() for module in modules
    }
    if not stubs:
        raise StubError(
            f"{package.__name__} has no module with a twin at its top level; a stub is needed "
            f"where synced has made one of a class, function or module"
        )
    for path in stubs:
        if path.exists() and not _is_ours(path):
            raise StubError(f"{path} was not written by this command; move it away")
    return stubs


def _read_for(module: ModuleType) -> Iterator[ModuleType]:
    """The module, and those that have the originals of its twins, with their bases."""
    yield module
    for twin in [value for value in vars(module).values() if is_twin(value)]:
        original: Any = twin.aio
        kinds = original.__mro__ if isinstance(original, type) else (original,)
        for kind in kinds:
            is_module = isinstance(kind, ModuleType)
            name = kind.__name__ if is_module else getattr(kind, "__module__", "")
            if kind is original or (isinstance(kind, type) and is_read(kind)):
                yield from filter(None, [sys.modules.get(name)])


def _written_in(package: ModuleType) -> Iterator[Path]:
    """The stubs in a package's folders that this command has written."""
    for folder in getattr(package, "__path__", ()):
        yield from filter(_is_ours, Path(folder).rglob("*.pyi"))


def _is_ours(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith(HEADER)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    if getattr(package, "__file__", None) is not None:
        yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        if not found.name.endswith(".__main__"):  # which would run
            yield importlib.import_module(found.name)
