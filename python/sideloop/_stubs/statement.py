"""Statements: what a module's or class's body binds, and what of it a stub can have."""

import ast
import types
from collections.abc import Iterator
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, with those inside of `if` and `try`."""
    for node in body:
        if isinstance(node, ast.If):
            yield from statements([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from statements([*node.body, *node.orelse, *node.finalbody])
            for handler in node.handlers:
                yield from statements(handler.body)
        else:
            yield node


def bound_names(node: ast.stmt) -> list[str]:
    """The names that a definition binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    alias: Any = node if type(node).__name__ == "TypeAlias" else None  # `type X = ...`
    targets: list[ast.expr] = [node.target] if isinstance(node, ast.AnnAssign) else []
    targets += [] if alias is None else [alias.name]
    targets += node.targets if isinstance(node, ast.Assign) else []
    found: list[ast.expr] = []
    for target in targets:
        found += target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return [target.id for target in found if isinstance(target, ast.Name)]


def imported_names(node: ast.stmt) -> list[str]:
    """The names that an import binds."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return []


def is_kind_of_type(value: object) -> bool:
    """Whether a value is an alias of a type, a type variable or the like."""
    plain = types.FunctionType | types.ModuleType | types.MethodType
    in_typing = type(value).__module__ in ("types", "typing", "typing_extensions")
    return in_typing and not isinstance(value, plain)


def seen_by_checkers(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that count for type checkers, which take one way through each branch."""
    known: set[str] = set()
    for node in body:
        match node:
            case ast.If(test=test) if _is_for_checkers(test):
                inside = node.body
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test)) if _is_for_checkers(test):
                inside = node.orelse
            case ast.If(test=test) if _is_of_system(test):
                yield node
                continue
            case ast.If():
                inside = [*node.body, *node.orelse]
            case ast.Try():
                handled = [one for handler in node.handlers for one in handler.body]
                inside = [*node.body, *node.orelse, *node.finalbody, *handled]
            case ast.With():
                inside = node.body
            case _:
                known.update(bound_names(node), imported_names(node))
                yield node
                continue
        for one in list(seen_by_checkers(inside)):
            names = {*bound_names(one), *imported_names(one)}
            if is_overloaded(one) or not names or not names <= known:
                yield one
            known |= names


def is_overloaded(node: ast.stmt) -> bool:
    """Whether it is one of several with the same name: an overload, a setter."""
    return isinstance(node, Function) and any(
        ast.unparse(one).endswith(("overload", ".setter", ".deleter", ".getter"))
        for one in node.decorator_list
    )


def is_documentation(node: ast.stmt) -> bool:
    """Whether it is a string, and so says something of what stands before it."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def after_documentation(body: list[ast.stmt], added: list[ast.stmt]) -> list[ast.stmt]:
    """A body with statements added at its begin."""
    place = 1 if body and is_documentation(body[0]) else 0
    return [*body[:place], *added, *body[place:]]


def _is_for_checkers(test: ast.expr) -> bool:
    return ast.unparse(test).endswith("TYPE_CHECKING")


def _is_of_system(test: ast.expr) -> bool:
    """Whether checkers decide it: by the version of Python or the system."""
    text = ast.unparse(test)
    return text.startswith(("sys.version_info", "sys.platform"))
