"""Values: the types of module variables of which mypy knows nothing."""

import ast
import sys
from types import ModuleType

from sideloop._stubs.imports import Imports
from sideloop._twins.translate import kind_of

_SIMPLE = (bool, bytes, complex, float, int, str)


def with_type(node: ast.stmt, module: ModuleType, imports: Imports) -> ast.stmt:
    """The statement, with the type that the value has where mypy has found none."""
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return node
    value = vars(module).get(node.target.id)
    match node.annotation:
        case ast.Name(id="Incomplete"):
            annotation = _type(value, imports)
        case ast.Subscript(value=final, slice=ast.Name(id="Incomplete")):
            inside = _type(value, imports)
            annotation = None if inside is None else ast.Subscript(final, inside)
        case _:
            return node
    return ast.AnnAssign(node.target, annotation or node.annotation, node.value, node.simple)


def _type(value: object, imports: Imports) -> ast.expr | None:
    """The class of a value, unless more would have to be said of it."""
    kind: type = kind_of(value)
    if kind in _SIMPLE:
        return ast.Name(kind.__name__, ast.Load())
    if hasattr(kind, "__class_getitem__") or kind.__module__ in ("builtins", "types", "typing"):
        return None
    package = kind.__module__.partition(".")[0]
    if getattr(sys.modules.get(package), kind.__qualname__, None) is kind:
        return imports.dotted(package, kind.__qualname__)  # where it is public
    if "<locals>" in kind.__qualname__ or kind.__name__.startswith("_"):
        return None
    return imports.dotted(kind.__module__, kind.__qualname__)
