"""Added: methods of twins that their originals have under another name, or by no `def`."""

import ast
import copy
import functools
import inspect
from typing import Any

from sideloop._stubs.annotation import Annotations
from sideloop._stubs.expression import arguments_of
from sideloop._stubs.function import twin_def
from sideloop._stubs.statement import bound_names
from sideloop._twins.form import form_of


def is_property(static: object) -> bool:
    """Whether an attribute is read, not called."""
    return isinstance(static, property | functools.cached_property)


def added(
    original: type, inside: ast.ClassDef, statement: ast.stmt, annotations: Annotations
) -> ast.FunctionDef | None:
    """The method that a statement of an original comes to, if it is a special one."""
    if isinstance(statement, ast.FunctionDef) and statement.name == "__await__":
        return None if hasattr(original, "result") else _result(statement, annotations)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    for name in bound_names(statement)[:1]:
        static = inspect.getattr_static(original, name, None)
        if isinstance(static, functools.partialmethod) and not name.startswith("_"):
            return _partial(name, static, inside, annotations)
    return None


def constructor(original: type, body: list[ast.stmt]) -> list[ast.stmt]:
    """The `__init__` of a named tuple's twin, if its class statement does not say the fields."""
    kind: Any = original
    if not issubclass(kind, tuple) or not hasattr(original, "_fields"):
        return []
    fields: tuple[str, ...] = vars(original)["_fields"]
    said = {
        ast.unparse(node.target): ast.unparse(node.annotation)
        for node in body
        if isinstance(node, ast.AnnAssign)
    }
    defaults: Any = vars(original)["_field_defaults"]
    parameters = [
        f"{name}: {said[name]}{' = ...' if name in defaults else ''}"
        for name in fields
        if name in said
    ]
    return list(ast.parse(f"def __init__(self, {', '.join(parameters)}) -> None: ...").body)


def _result(node: ast.FunctionDef, annotations: Annotations) -> ast.FunctionDef:
    """`def result(self)`, of `__await__`."""
    made = copy.deepcopy(node)
    made.name = "result"
    known = arguments_of(node.returns) if node.returns is not None else []
    made.returns = known[-1] if len(known) == 3 else annotations.imports.name("typing", "Any")
    return twin_def(made, None, annotations)


def _partial(
    name: str, static: Any, inside: ast.ClassDef, annotations: Annotations
) -> ast.FunctionDef:
    """The `def` of a function with some of its arguments given."""
    function = getattr(static.func, "__name__", "")
    nodes = [
        node
        for node in inside.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    ]
    if not nodes:
        any_type = ast.unparse(annotations.imports.name("typing", "Any"))
        text = f"def {name}(self, *args: {any_type}, **kwargs: {any_type}) -> {any_type}: ..."
        made = ast.parse(text).body[0]
        assert isinstance(made, ast.FunctionDef)
        return made
    node = copy.deepcopy(nodes[-1])
    for _ in static.args:
        _drop(node.args)
    for given in static.keywords:
        _give(node.args, given)
    made = twin_def(node, form_of(static), annotations)
    made.name = name
    return made


def _drop(arguments: ast.arguments) -> None:
    """Leave out the first parameter after the instance."""
    places = [*arguments.posonlyargs, *arguments.args]
    if len(places) < 2:
        return
    if len(arguments.defaults) == len(places) - 1:
        del arguments.defaults[0]
    (arguments.posonlyargs if places[1] in arguments.posonlyargs else arguments.args).remove(
        places[1]
    )


def _give(arguments: ast.arguments, name: str) -> None:
    """Let a parameter be left out, since it has been given: then it, and what follows, is named."""
    for place, argument in enumerate(arguments.kwonlyargs):
        if argument.arg == name:
            arguments.kw_defaults[place] = ast.Constant(...)
    for place, argument in enumerate(arguments.args):
        if argument.arg == name:
            following = arguments.args[place:]
            left = len(arguments.args) - len(arguments.defaults)
            defaults: list[ast.expr | None] = [
                arguments.defaults[at - left] if at >= left else None
                for at in range(place, len(arguments.args))
            ]
            defaults[0] = ast.Constant(...)
            del arguments.args[place:]
            del arguments.defaults[max(0, place - left) :]
            arguments.kwonlyargs[:0] = following
            arguments.kw_defaults[:0] = defaults
            return
