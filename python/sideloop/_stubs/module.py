"""Modules: a module's stub, with the twins in it."""

import ast
import copy
import re
import sys
from types import ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._stubs.annotation import Annotations
from sideloop._stubs.bases import class_def
from sideloop._stubs.function import twin_function
from sideloop._stubs.imports import Imports
from sideloop._stubs.options import widened
from sideloop._stubs.scope import scope_of
from sideloop._stubs.shadowed import unshadowed
from sideloop._stubs.source import source_tree
from sideloop._stubs.statement import (
    Function,
    after_documentation,
    bound_names,
    statements,
)
from sideloop._stubs.twin import original_name, twin_class_def
from sideloop._stubs.unused import without_unused
from sideloop._stubs.value import with_type
from sideloop._stubs.written import written
from sideloop._twins.form import form_behind
from sideloop._twins.function import SyncFunction
from sideloop._twins.origin import HiddenOrigin
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_module import TwinModule, twins_in

HEADER = """\
# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""


class Stub:
    """The stub of one module."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._scope = scope_of(module)
        self._imports = Imports(self._scope)
        self._imports.make_twin = lambda twin, name: twin_class_def(twin, name, self._imports)
        values: list[Any] = [value for value in vars(module).values() if is_twin(value)]
        self._originals = {id(value.aio) for value in values}
        # The names of decorated classes are their twins'. Async code gets originals, though.
        classes: list[Any] = [value for value in values if is_class(value)]
        names = {one.__name__: original_name(one.aio) for one in classes if _is_decorated(one.aio)}
        self._paths, self._renamed = Paths(names), Renamed(names)

        self._tree = self._body(self._scope.tree.body)
        self._widened: set[type] = set()

    def options(self) -> dict[type, Translator]:
        """The dataclasses with hooks that its twins take."""
        return self._imports.options

    def widen(self, kind: type, translator: Translator) -> None:
        """Let the fields of a dataclass of this module take sync callables."""
        if kind in self._widened or id(kind) in self._originals:
            return
        self._widened.add(kind)
        annotations = Annotations(self._scope, self._imports, translator)
        for node in statements(self._tree):
            if isinstance(node, ast.ClassDef) and node.name == kind.__qualname__:
                widened(node, annotations)

    def text(self) -> str:
        """What is in the file. The same for the same sources, whenever it is asked for."""
        body = self._tree
        added = [*self._imports.statements(), *self._imports.declarations()]
        tree = without_unused(ast.Module(after_documentation(body, added), []), self._module)
        return HEADER + written(unshadowed(tree))

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        replaced: list[ast.stmt] = []
        done: set[str] = set()
        for node in body:
            names = bound_names(node)
            twin = vars(self._module).get(names[0]) if len(names) == 1 else None
            if isinstance(node, ast.If):
                node = ast.If(node.test, self._body(node.body), self._body(node.orelse))
                replaced.append(node)
            elif names and names[0] in done:
                continue  # another overload
            elif is_twin(twin):
                done.add(names[0])
                replaced += self._twin(names[0], twin)
            elif id(twin) in self._originals:
                replaced.append(self._renamed.of(node))
            else:
                replaced.append(self._paths.of(with_type(node, self._module, self._imports)))
        return replaced

    def _twin(self, name: str, twin: Any) -> list[ast.stmt]:
        if isinstance(twin, SyncFunction):
            return self._function(name, twin)
        if isinstance(twin, TwinModule):
            body = [
                node
                for key, value in sorted(twins_in(twin).items())
                for node in self._alias(key, value, twin) or self._twin(key, value)
            ]
            return [ast.ClassDef(name, [], [], body or [ast.Pass()], [])]
        original = twin.aio
        statement = twin_class_def(twin, name, self._imports)
        if not _is_decorated(original):
            return [statement]
        _, node = class_def(original)
        return [self._renamed.of(node), statement]

    def _alias(self, key: str, value: Any, holder: TwinModule) -> list[ast.stmt]:
        """What a module's twin calls a class that is known by another name."""
        module = self._module.__name__
        if not is_class(value) or value.__module__ != module:
            return []
        is_here = f"{module}.{value.__qualname__}" == f"{holder.__name__}.{key}"
        if is_here or value.__qualname__.partition(".")[0] == key:
            return []
        return [
            ast.Assign(
                [ast.Name(key, ast.Store())], self._imports.dotted(module, value.__qualname__)
            )
        ]

    def _function(self, name: str, twin: SyncFunction) -> list[ast.stmt]:
        original = twin.aio
        path: str = getattr(original, "__qualname__", "")
        module = sys.modules.get(getattr(original, "__module__", ""))
        scope = self._scope if module is None else scope_of(module)
        nodes = [node for node in scope.definitions(path) if isinstance(node, Function)]
        if not nodes:  # a partial, an object with `__call__`
            return [
                ast.AnnAssign(
                    ast.Name(name, ast.Load()), self._imports.name("typing", "Any"), None, 1
                )
            ]
        annotations = Annotations(scope, self._imports, twin.__sideloop_translator__)
        form = form_behind(original)
        # A bound method's has the instance in its parameters.
        return twin_function(name, nodes, form, annotations, bound="." in path)


def is_twin(value: object) -> bool:
    """Whether a stub has to say what a module's value is."""
    if is_class(value):
        return issubclass(value, Twin) and not isinstance(value.__sideloop__, HiddenOrigin)
    return isinstance(value, SyncFunction | TwinModule)


def needs_stub(module: ModuleType) -> bool:
    """Whether one of the module's own statements makes a twin."""
    twins = {name for name, value in vars(module).items() if is_twin(value)}
    return bool(twins) and any(
        twins.intersection(bound_names(node)) for node in statements(source_tree(module).body)
    )


def _is_decorated(original: type) -> bool:
    """Whether the module knows the twin by the name that the class statement has given."""
    return original.__qualname__.endswith(".aio")


class Paths(ast.NodeTransformer):
    """Writes the names of decorated originals, which the source calls `Twin.aio`."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def of(self, node: ast.stmt) -> ast.stmt:
        """A copy of a statement."""
        found: ast.stmt = self.visit(copy.deepcopy(node))
        return found

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        twin = node.value.id if isinstance(node.value, ast.Name) else ""
        if node.attr == "aio" and twin in self.names:
            return ast.Name(self.names[twin], ast.Load())
        return self.generic_visit(node)


class Renamed(Paths):
    """And, for async code, where that has the names of their twins."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        text = node.value
        if not isinstance(text, str):
            return node
        for old, new in self.names.items():  # in quotes, and not inside of another name
            text = re.sub(rf"\b{old}\b", new, text)
        return ast.Constant(text)
