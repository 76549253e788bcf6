"""Scopes: what names mean in a module, and where they come from."""

import ast
import builtins
import contextlib
import functools
import importlib
from types import ModuleType

from sideloop._base.lazy import import_names
from sideloop._stubs.source import source_tree, stub_tree
from sideloop._stubs.statement import bound_names, statements

Origin = tuple[str, str | None]
"""A module that a name is imported from, and its name there: None if it is the module itself."""


@functools.cache
def scope_of(module: ModuleType) -> "Scope":
    """The scope of a module, which takes a moment the first time."""
    return Scope(module)


class Scope:
    """The top level of one module."""

    def __init__(self, module: ModuleType) -> None:
        import_names(module)
        self.module = module
        self.tree = stub_tree(module)

    def value(self, node: ast.expr) -> object:
        """What a dotted name is, or None if that cannot be said without running anything."""
        if isinstance(node, ast.Attribute):
            return getattr(self.value(node.value), node.attr, None)
        if not isinstance(node, ast.Name):
            return None
        found = vars(self.module).get(node.id, vars(builtins).get(node.id))
        origin = self.origin(node.id) if found is None else None
        if origin is not None:  # imported for type checkers alone
            module, name = origin
            with contextlib.suppress(ImportError):
                found = importlib.import_module(module)
                found = found if name is None else getattr(found, name, None)
        return found

    def imported(self, name: str) -> Origin | None:
        """Where the stub imports a name from."""
        return self._origin(name, self.tree)

    def origin(self, name: str) -> Origin | None:
        """The same, also for what the stub does without."""
        return self.imported(name) or self._origin(name, source_tree(self.module))

    def _origin(self, name: str, tree: ast.Module) -> Origin | None:
        for node in statements(tree.body):
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                bound = alias.asname or alias.name
                if isinstance(node, ast.ImportFrom):
                    if bound == name:
                        return self._absolute(node), alias.name
                elif alias.asname == name:
                    return alias.name, None
                elif alias.asname is None and alias.name.partition(".")[0] == name:
                    return name, None
        return None

    def definitions(self, path: str) -> list[ast.stmt]:
        """The statements that bind a dotted name: several for overloads."""
        body: list[ast.stmt] = self.tree.body
        found: list[ast.stmt] = []
        for part in path.split("."):
            found = [node for node in statements(body) if part in bound_names(node)]
            body = found[0].body if found and isinstance(found[0], ast.ClassDef) else []
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        package = self.module.__name__.split(".")
        is_package = hasattr(self.module, "__path__")
        package = package[: len(package) - node.level + is_package]
        return ".".join([*package, *([node.module] if node.module else [])])
