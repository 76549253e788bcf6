"""Unused: what a stub imports and does not mention."""

import ast
import re


def without_unused(tree: ast.Module) -> ast.Module:
    """Leave out the imports of names that nothing uses, unless they are re-exported."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(re.findall(r"\w+", node.value))  # in quotes, or in __all__
    tree.body = [kept for node in tree.body if (kept := _kept(node, used)) is not None]
    return tree


def _kept(node: ast.stmt, used: set[str]) -> ast.stmt | None:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return node
    names = [
        alias
        for alias in node.names
        if alias.name == "*"
        or (alias.asname == alias.name and isinstance(node, ast.ImportFrom))
        or (alias.asname or alias.name.partition(".")[0]) in used
    ]
    if not names:
        return None
    if isinstance(node, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(node.module, names, node.level)
