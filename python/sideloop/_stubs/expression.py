"""Expressions: the types of annotations, as trees."""

import ast
import copy

AWAITABLES = {"Awaitable": 0, "Coroutine": 2, "Future": 0, "Task": 0}
ITERABLES = ("AsyncGenerator", "AsyncIterable", "AsyncIterator")
MANAGERS = ("AbstractAsyncContextManager", "AsyncContextManager")


class _Unquoted(ast.NodeTransformer):
    """Annotations in quotes are what they quote."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node if head(node) == "Literal" else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        return unquoted(ast.parse(node.value, mode="eval").body)


def unquoted(node: ast.expr) -> ast.expr:
    """A copy of an annotation, with nothing of it in quotes."""
    found: ast.expr = _Unquoted().visit(copy.deepcopy(node))
    return found


def head(node: ast.expr) -> str:
    """The last part of the name of a type or decorator, without its arguments."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = unquoted(node)
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def arguments_of(node: ast.expr) -> list[ast.expr]:
    """What is in the brackets of a type."""
    node = unquoted(node)
    if not isinstance(node, ast.Subscript):
        return []
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def subscript(value: ast.expr, *inside: ast.expr) -> ast.Subscript:
    """A type with these in its brackets."""
    node = inside[0] if len(inside) == 1 else ast.Tuple([*inside], ast.Load())
    return ast.Subscript(value, node, ast.Load())


def either(one: ast.expr, other: ast.expr) -> ast.expr:
    """A type that is one of two."""
    return ast.BinOp(one, ast.BitOr(), other)
