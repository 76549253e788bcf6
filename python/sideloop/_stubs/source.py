"""Sources: what a module's author wrote, and the module's own stub, in which nothing is wrapped."""

import ast
import functools
import inspect
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from sideloop._stubs.errors import StubError
from sideloop._stubs.inferred import Inferred, read
from sideloop._stubs.skeleton import skeleton


def source_path(module: ModuleType) -> Path:
    """The file that a module is written in.

    Raises:
        StubError: It has none: it is built in, or an extension.
    """
    path = inspect.getsourcefile(module)
    if path is None:
        raise StubError(
            f"module {module.__name__!r} has no Python source to read signatures from; wrap a "
            f"class or function of a module that has"
        )
    return Path(path)


@functools.cache
def source_tree(module: ModuleType) -> ast.Module:
    """What the module's author wrote, of which the stub leaves out the bodies."""
    tree = ast.parse(source_path(module).read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            vars(node).pop("is_lazy", None)  # since CPython 3.15. Stubs import nothing
    return tree


def read_together(modules: Iterable[ModuleType]) -> None:
    """Infer the types of all of these at once, which costs little more than those of one."""
    read({one.__name__: str(source_path(one).resolve()) for one in modules})


@functools.cache
def stub_tree(module: ModuleType) -> ast.Module:
    """The module's own stub."""
    read_together([module])
    source = source_tree(module)
    return skeleton(module, source, Inferred(module, source))
