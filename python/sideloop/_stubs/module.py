"""Modules: a module's stub, with the twins in it."""

import ast
import copy
import re
import sys
from types import ModuleType
from typing import Any

from sideloop._form import Form, form_behind
from sideloop._function import SyncFunction
from sideloop._stubs.annotation import Annotations
from sideloop._stubs.function import Function, twin_function
from sideloop._stubs.imports import Imports
from sideloop._stubs.scope import bound_names, scope_of, statements
from sideloop._stubs.source import source_tree
from sideloop._stubs.twin import class_def, original_name, twin_class_def
from sideloop._stubs.value import with_type
from sideloop._twin import Twin
from sideloop._twin_module import TwinModule

HEADER = "# Written by `python -m sideloop stubs`. Run it again instead of editing.\n"


class Stub:
    """The stub of one module."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._scope = scope_of(module)
        self._imports = Imports(self._scope)

    def text(self) -> str:
        """What is in the file. The same for the same sources, whenever it is asked for."""
        body = self._body(self._scope.tree.body)
        tree = ast.Module([*self._imports.statements(), *body], [])
        text = ast.unparse(ast.fix_missing_locations(tree))
        return HEADER + _dense(text) + "\n"

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
            else:
                replaced.append(with_type(node, self._module, self._imports))
        return replaced

    def _twin(self, name: str, twin: Any) -> list[ast.stmt]:
        if isinstance(twin, SyncFunction):
            return self._function(name, twin)
        if isinstance(twin, TwinModule):
            body = [
                node
                for key, value in sorted(vars(twin).items())
                if is_twin(value)
                for node in self._twin(key, value)
            ]
            return [ast.ClassDef(name, [], [], body, [])]
        found: list[ast.stmt] = []
        original = twin.__sideloop__.original
        if original.__qualname__.endswith(".aio"):
            # It was decorated: its name is the twin's now.
            _, node = class_def(original)
            renamed = _Renamed(node.name, original_name(original)).visit(copy.deepcopy(node))
            renamed.name = original_name(original)
            found.append(renamed)
        return [*found, twin_class_def(twin, name, self._imports)]

    def _function(self, name: str, twin: SyncFunction) -> list[ast.stmt]:
        original = twin.aio
        path: str = getattr(original, "__qualname__", "")
        module = sys.modules.get(getattr(original, "__module__", ""))
        scope = self._scope if module is None else scope_of(module)
        nodes = [node for node in scope.definitions(path) if isinstance(node, Function)]
        if not nodes:  # a partial, an object with `__call__`
            return [ast.AnnAssign(ast.Name(name), self._imports.name("typing", "Any"), None, 1)]
        annotations = Annotations(scope, self._imports, twin.translator)
        form = form_behind(original) or Form.AWAITED
        # A bound method's has the instance in its parameters.
        return twin_function(name, nodes, form, annotations, bound="." in path)


def _dense(text: str) -> str:
    """As stubs are laid out: bodies on the line of their `def`, blank lines around classes only."""
    text = re.sub(r":\n +\.\.\.$", ": ...", text, flags=re.MULTILINE)
    return re.sub(r"\n(?=\n +(?:@|def |async def ))", "", text)


def is_twin(value: object) -> bool:
    """Whether a stub has to say what a module's value is."""
    if isinstance(value, type):
        return issubclass(value, Twin) and "__sideloop__" in vars(value)
    return isinstance(value, SyncFunction | TwinModule)


def needs_stub(module: ModuleType) -> bool:
    """Whether one of the module's own statements makes a twin."""
    twins = {name for name, value in vars(module).items() if is_twin(value)}
    return bool(twins) and any(
        twins.intersection(bound_names(node)) for node in statements(source_tree(module).body)
    )


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self._old = old
        self._new = new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._new) if node.id == self._old else node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):  # in quotes, but not inside of another name
            node.value = re.sub(rf"\b{self._old}\b", self._new, node.value)
        return node
