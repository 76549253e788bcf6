"""What modules import lazily, since CPython 3.15: a stand-in lies there until the name is used."""

import types
from types import ModuleType
from typing import Any

from sideloop._base.signals import errors_passed_over

_STAND_IN: Any = getattr(types, "LazyImportType", ())


def is_stand_in(value: Any) -> bool:
    """Whether it stands for what is not imported yet."""
    return isinstance(value, _STAND_IN)


def imported(value: Any) -> Any:
    """What a stand-in stands for, which is imported now. Anything else is that itself."""
    return value.resolve() if is_stand_in(value) else value


def import_names(module: ModuleType) -> None:
    """Import now what a module imports lazily, as if each name had been used."""
    for name, value in list(vars(module).items()):
        if is_stand_in(value):
            # What it cannot import here, its users cannot either.
            with errors_passed_over():
                getattr(module, name)


def annotates_lazily(function: Any) -> bool:
    """Whether the annotations of a function name what is not imported yet."""
    code = getattr(getattr(function, "__annotate__", None), "__code__", None)
    names = getattr(function, "__globals__", {})
    used: tuple[str, ...] = getattr(code, "co_names", ())
    return any(is_stand_in(names.get(name)) for name in used)
