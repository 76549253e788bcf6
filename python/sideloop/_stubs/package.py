"""Packages: the stubs of all modules that need one."""

import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._base.lazy import import_names
from sideloop._stubs.bases import is_read
from sideloop._stubs.errors import StubError
from sideloop._stubs.module import HEADER, Stub, is_twin, needs_stub
from sideloop._stubs.source import read_together, source_path
from sideloop._twins.want import want_of


def stubs_of(package: ModuleType) -> dict[Path, str | None]:
    """The stubs of a module and of all that it has inside, by where they are to be.

    None for one that this command has written, of a module that needs none any more.

    Imports all of them.

    Raises:
        StubError: There is nothing to write a stub of, or somebody else's is in the way.
        BaseException: What a module raises that is imported.
    """
    modules = list(_modules(package))
    made = {module: Stub(module) for module in _read(modules) if needs_stub(module)}
    _widen(made, modules)
    left_over: dict[Path, str | None] = dict.fromkeys(_written_in(package))
    stubs = left_over | {
        source_path(module).with_suffix(".pyi"): stub.text() for module, stub in made.items()
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


def _read(modules: list[ModuleType]) -> list[ModuleType]:
    """The same, when all that stubs need to know of them has been inferred."""
    needed = [found for module in modules if needs_stub(module) for found in _read_for(module)]
    needed += [module for module in modules if needed and any(map(_has_hooks, _classes_of(module)))]
    read_together(dict.fromkeys(needed))
    return modules


def _widen(stubs: dict[ModuleType, Stub], modules: list[ModuleType]) -> None:
    """Let sync users set hooks on the dataclasses that twins take, where these are defined."""
    own = {module.__name__: module for module in modules}
    done: set[type] = set()
    while True:
        met = {kind: by for stub in list(stubs.values()) for kind, by in stub.options().items()}
        todo = [kind for kind in met if kind not in done and kind.__module__ in own]
        if not todo:
            return
        for kind in todo:
            done.add(kind)
            module = own[kind.__module__]
            if dataclasses.is_dataclass(kind):
                stubs.setdefault(module, Stub(module)).widen(kind, met[kind])


def _classes_of(module: ModuleType) -> list[type]:
    return [
        value
        for value in list(vars(module).values())
        if is_class(value) and value.__module__ == module.__name__
    ]


def _has_hooks(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and want_of(kind) is not None


def _read_for(module: ModuleType) -> Iterator[ModuleType]:
    """The module, and those that have the originals of its twins, with their bases."""
    yield module
    for twin in [value for value in vars(module).values() if is_twin(value)]:
        original: Any = twin.aio
        kinds = original.__mro__ if is_class(original) else (original,)
        for kind in kinds:
            is_module = isinstance(kind, ModuleType)
            name = kind.__name__ if is_module else getattr(kind, "__module__", "")
            if kind is original or (is_class(kind) and is_read(kind)):
                yield from filter(None, [sys.modules.get(name)])


def _written_in(package: ModuleType) -> Iterator[Path]:
    """The stubs in a package's folders that this command has written."""
    for folder in getattr(package, "__path__", ()):
        yield from filter(_is_ours, Path(folder).rglob("*.pyi"))


def _is_ours(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith(HEADER)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    if getattr(package, "__file__", None) is not None:
        import_names(package)
        yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        if not found.name.endswith(".__main__"):  # which would run
            module = importlib.import_module(found.name)
            import_names(module)
            yield module
