"""Returned: what the source of a class says of what its objects give, and of what they hold."""

import ast
import inspect
import sys
import types

from sideloop._base.classes import is_class
from sideloop._stubs.expression import arguments_of, head
from sideloop._stubs.scope import Scope, scope_of
from sideloop._twins.nature import has_twins

_GENERATORS = ("Generator", "Coroutine")
"""What `__await__` returns: awaiting gives the last of what is in their brackets."""


def returned_by(kind: type, name: str) -> tuple[Scope, ast.expr] | None:
    """What awaiting a method of a class gives, and the scope in which that is said."""
    for base in kind.__mro__:
        if name not in base.__dict__:
            continue
        module = sys.modules.get(base.__module__)
        if module is None or base.__module__ in sys.stdlib_module_names:
            return None
        scope = scope_of(module)
        for node in scope.definitions(f"{base.__qualname__.removesuffix('.aio')}.{name}"):
            if isinstance(node, ast.AsyncFunctionDef) and node.returns is not None:
                return scope, node.returns
            if isinstance(node, ast.FunctionDef) and node.returns is not None:
                return _of_generator(scope, node.returns)
    return None


def _of_generator(scope: Scope, said: ast.expr) -> tuple[Scope, ast.expr] | None:
    inside = arguments_of(said)
    return (scope, inside[-1]) if head(said) in _GENERATORS and len(inside) == 3 else None


def leads_to_async(kind: type) -> bool:
    """Whether the constructor of a class that is not async makes objects of classes that are."""
    init: object = kind.__dict__.get("__init__")
    if not isinstance(init, types.FunctionType) or inspect.iscoroutinefunction(init):
        return False
    made = (init.__globals__.get(name) for name in init.__code__.co_names)
    return any(is_class(one) and has_twins(one) for one in made)


def opened_class(name: str, entered: ast.expr) -> ast.stmt:
    """A class for what a call gives that may be awaited or entered."""
    kind = ast.unparse(entered)
    text = f"""
class {name}({kind}):
    def result(self) -> {kind}: ...
    def __enter__(self) -> {kind}: ...
    def __exit__(self, *error: object) -> bool | None: ...
"""
    return ast.parse(text).body[0]
