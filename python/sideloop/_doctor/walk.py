"""The expressions of a file, each with the function around it."""

import ast
from collections.abc import Iterator


def expressions(tree: ast.Module) -> Iterator[tuple[ast.expr, str, bool]]:
    """Every expression, with the function around it, and whether that is async.

    Without recursion, since sources may be nested deeper than this interpreter's stack.
    """
    todo: list[tuple[ast.AST, str, str, bool]] = [(tree, "", "", False)]
    while todo:
        node, around, function, is_async = todo.pop()
        if isinstance(node, ast.expr):
            yield node, function, is_async
        inside = (around, function, is_async)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{around}.{node.name}" if around else node.name
            is_class = isinstance(node, ast.ClassDef)
            body = (name, function if is_class else name, _is_async(node, is_async))
            # What stands before the body runs where the function is defined.
            own = {*map(id, node.body)}
            todo += [
                (child, *(body if id(child) in own else inside))
                for child in ast.iter_child_nodes(node)
            ]
        elif isinstance(node, ast.Lambda):
            name = f"{around}.<lambda>" if around else "<lambda>"
            todo += [(child, name, name, False) for child in ast.iter_child_nodes(node)]
        else:
            todo += [(child, *inside) for child in ast.iter_child_nodes(node)]


def _is_async(node: ast.AST, around: bool) -> bool:
    return around if isinstance(node, ast.ClassDef) else isinstance(node, ast.AsyncFunctionDef)
