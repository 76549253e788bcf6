"""Functions: the `def` of a twin, from the `def` or `async def` of its original."""

import ast
import copy
from typing import Any

from sideloop._stubs.annotation import Annotations
from sideloop._stubs.expression import head
from sideloop._stubs.statement import Function, is_documentation
from sideloop._twins.form import Form

_KEPT = (
    "abstractmethod",
    "classmethod",
    "deleter",
    "deprecated",
    "final",
    "overload",
    "override",
    "property",
    "setter",
    "staticmethod",
)
"""Decorators that say of a twin what they say of the async function. Others may want the async."""


def twin_def(node: Function, form: Form | None, annotations: Annotations) -> ast.FunctionDef:
    """The `def` of the twin of a function of this form."""
    fields: dict[str, Any] = dict(ast.iter_fields(node))
    fields["args"] = copy.deepcopy(node.args)
    for argument in arguments_in(fields["args"]):
        if argument.annotation is not None:
            argument.annotation = annotations.taken(argument.annotation)
    fields["decorator_list"] = [
        annotations.plain(one) for one in node.decorator_list if form is None or head(one) in _KEPT
    ]
    if node.returns is not None:
        fields["returns"] = annotations.given(_view(node, node.returns, form, annotations))
    return ast.FunctionDef(**fields)


def _view(node: Function, said: ast.expr, form: Form | None, annotations: Annotations) -> ast.expr:
    match form:
        case Form.AWAITED:
            return said if isinstance(node, ast.AsyncFunctionDef) else annotations.awaited(said)
        case Form.ITERATED:
            return annotations.iterated(said) or said
        case Form.ENTERED:
            return annotations.managed(said) or annotations.managing(said)
        case None:
            return said


def arguments_in(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters, in no order."""
    variable = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variable]


def twin_function(
    name: str, nodes: list[Function], form: Form, annotations: Annotations, *, bound: bool
) -> list[ast.stmt]:
    """A variable for the twin of a function, of a class that says what its `aio` is too."""
    calls = [_method("__call__", twin_def(node, form, annotations), bound) for node in nodes]
    originals = [_method("aio", annotations.plain(node), bound) for node in nodes]
    kind = ast.ClassDef(f"_{name}", [], [], [*calls, *originals], [], **no_type_params())
    variable = ast.AnnAssign(ast.Name(name, ast.Load()), ast.Name(f"_{name}", ast.Load()), None, 1)
    said = [one.body[0] for one in nodes if is_documentation(one.body[0])]
    return [kind, variable, *copy.deepcopy(said[:1])]


def _method(name: str, node: Function, bound: bool) -> Function:
    node.name = name
    node.decorator_list = [one for one in node.decorator_list if head(one) != "synced"]
    if not bound:
        places = node.args.posonlyargs or node.args.args
        places.insert(0, ast.arg("self"))
    return node


def no_type_params() -> dict[str, Any]:
    """What a class statement needs from CPython 3.12 on."""
    return {"type_params": []} if "type_params" in ast.ClassDef._fields else {}
