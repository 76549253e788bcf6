"""Shadowed: builtin types in classes that have members of the same names, such as `list`.

A stub has no order, so that in such a class `list[int]` is the member, to type checkers.
"""

import ast
import builtins

from sideloop._stubs.statement import (
    Function,
    after_documentation,
    bound_names,
    imported_names,
    statements,
)


def unshadowed(tree: ast.Module) -> ast.Module:
    """Write `builtins.list` in the annotations of classes that have a `list` of their own."""
    is_needed = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            names = {name for one in statements(node.body) for name in bound_names(one)}
            qualified = _Qualified(names.intersection(vars(builtins)))
            for one in statements(node.body):
                qualified.annotations_of(one)
            is_needed |= qualified.has_changed
    is_there = any("builtins" in imported_names(one) for one in tree.body)
    if is_needed and not is_there:
        added: list[ast.stmt] = [ast.Import([ast.alias("builtins")])]
        tree.body = after_documentation(tree.body, added)
    return tree


class _Qualified(ast.NodeTransformer):
    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.has_changed = False

    def annotations_of(self, node: ast.stmt) -> None:
        if isinstance(node, ast.AnnAssign):
            node.annotation = self.visit(node.annotation)
        elif isinstance(node, Function):
            node.args = self.visit(node.args)
            node.returns = node.returns and self.visit(node.returns)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names:
            return node
        self.has_changed = True
        return ast.Attribute(ast.Name("builtins", ast.Load()), node.id, ast.Load())
