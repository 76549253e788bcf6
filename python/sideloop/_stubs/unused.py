"""Unused: what a stub imports and does not mention."""

import ast
import re
from types import ModuleType


def without_unused(tree: ast.Module, module: ModuleType) -> ast.Module:
    """Leave out the imports of names that nothing uses, unless they are re-exported."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(re.findall(r"\w+", node.value))  # in quotes, or in __all__
    body = [_exported(node, module) for node in tree.body]
    tree.body = [kept for node in body if (kept := _kept(node, used)) is not None]
    return tree


def _exported(node: ast.stmt, module: ModuleType) -> ast.stmt:
    """The same, so that a stub exports what the module does.

    Without `__all__` that is what it imports from its own package, by a public name.
    """
    if not isinstance(node, ast.ImportFrom) or hasattr(module, "__all__"):
        return node
    package = module.__name__.partition(".")[0]
    if node.level == 0 and (node.module or "").partition(".")[0] != package:
        return node
    names = [
        ast.alias(alias.name, alias.name)
        if alias.asname is None and alias.name in vars(module) and not alias.name.startswith("_")
        else alias
        for alias in node.names
    ]
    return ast.ImportFrom(node.module, names, node.level)


def _kept(node: ast.stmt, used: set[str]) -> ast.stmt | None:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return node
    names = [
        alias
        for alias in node.names
        if alias.name == "*"
        or alias.asname == alias.name
        or (alias.asname or alias.name.partition(".")[0]) in used
    ]
    if not names:
        return None
    if isinstance(node, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(node.module, names, node.level)
