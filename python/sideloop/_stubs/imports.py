"""Imports: how a stub refers to what is defined elsewhere."""

import ast
import builtins
import copy
from collections.abc import Callable
from typing import Any, TypeVar

from sideloop._stubs.scope import Scope
from sideloop._twins.translator import Translator

N = TypeVar("N", bound=ast.AST)


class Imports:
    """The imports that a stub needs beside its own."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._added: dict[str, tuple[str, str | None]] = {}
        self._declared: dict[str, ast.stmt] = {}
        self.options: dict[type, Translator] = {}
        """The dataclasses with hooks that the stub has met, and whose twins they are for."""
        self._twins: dict[type, ast.expr] = {}
        self.make_twin: Callable[[Any, str], ast.stmt] | None = None
        """Makes the class statement of a twin class that has no name where users could find it."""

    def name(self, module: str, name: str) -> ast.expr:
        """A name of another module. It is imported under an alias if the stub's own is taken."""
        return self._bind(name, (module, name))

    def dotted(self, module: str, path: str) -> ast.expr:
        """A dotted name, of any module."""
        first, *rest = path.split(".")
        node = _name(first) if module == self._scope.module.__name__ else self.name(module, first)
        for part in rest:
            node = ast.Attribute(node, part, ast.Load())
        return node

    def as_in(self, scope: Scope, name: str) -> ast.expr:
        """A name of another scope, by which this stub is to mean the same."""
        if hasattr(builtins, name):
            return _name(name)
        if scope.definitions(name):
            is_here = scope.module is self._scope.module
            return _name(name) if is_here else self.name(scope.module.__name__, name)
        origin = scope.origin(name)
        return _name(name) if origin is None else self._bind(name, origin)

    def known_in(self, scope: Scope, node: N) -> N:
        """A copy of a tree of another scope, by which this stub is to mean the same."""
        found: N = Known(self, scope).visit(copy.deepcopy(node))
        return found

    def statements(self) -> list[ast.stmt]:
        """The imports that were asked for, in order."""
        whole: list[ast.stmt] = []
        parts: dict[str, list[ast.alias]] = {}
        for bound, (module, name) in sorted(self._added.items()):
            if name is None:
                whole.append(ast.Import([ast.alias(module, None if bound == module else bound)]))
            else:
                alias = ast.alias(name, None if bound == name else bound)
                parts.setdefault(module, []).append(alias)
        return whole + [ast.ImportFrom(module, parts[module], 0) for module in sorted(parts)]

    def declare(self, name: str, make: Callable[[str], ast.stmt]) -> ast.expr:
        """A name of the stub's own, which the statement that is made for it binds."""
        while self._scope.definitions(name):
            name = f"_{name}"
        if name not in self._declared:
            self._declared[name] = ast.Pass()  # it may mention itself
            made = make(name)
            del self._declared[name]  # it comes behind what it mentions
            self._declared[name] = made
        return _name(name)

    def twin(self, kind: type, twin: Any) -> ast.expr | None:
        """A name of the stub's own for the twin of a class that nobody has wrapped."""
        make = self.make_twin
        if make is None:
            return None
        if kind not in self._twins:
            name = f"_{kind.__name__}"
            if any(one.__name__ == kind.__name__ for one in self._twins):
                name = f"_{kind.__module__.replace('.', '_')}{name}"
            self._twins[kind] = _name(name)  # it may mention itself
            self._twins[kind] = self.declare(name, lambda name: make(twin, name))
        return self._twins[kind]

    def declarations(self) -> list[ast.stmt]:
        """The statements that were declared, in order."""
        return list(self._declared.values())

    def _bind(self, name: str, origin: tuple[str, str | None]) -> ast.expr:
        here = self._scope
        if here.imported(name) == origin:
            return _name(name)
        taken = self._added.get(name) or here.imported(name) or (here.definitions(name) or None)
        if taken is not None and taken != origin:
            name = f"_{origin[0].replace('.', '_')}_{name}"
        self._added[name] = origin
        return _name(name)


class Known(ast.NodeTransformer):
    """Imports the names that it meets."""

    def __init__(self, imports: Imports, scope: Scope) -> None:
        self._imports = imports
        self._scope = scope

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._imports.as_in(self._scope, node.id)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
