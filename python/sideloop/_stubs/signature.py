"""Signatures: the `def` of a stub, which says all of a function but what it does."""

import ast
import copy

from sideloop._stubs.statement import Function, is_documentation

_SIMPLE = (bool, bytes, float, int, str)

_RETURNED = {
    "__bool__": "bool",
    "__bytes__": "bytes",
    "__contains__": "bool",
    "__eq__": "bool",
    "__format__": "str",
    "__hash__": "int",
    "__init__": "None",
    "__init_subclass__": "None",
    "__len__": "int",
    "__ne__": "bool",
    "__post_init__": "None",
    "__repr__": "str",
    "__setattr__": "None",
    "__str__": "str",
}


def documented(node: Function) -> list[ast.stmt]:
    """The body of a function in a stub: its documentation, or nothing."""
    if node.body and is_documentation(node.body[0]):
        return [copy.deepcopy(node.body[0])]
    return [ast.Expr(ast.Constant(...))]


def without_yield(node: Function) -> Function:
    """A copy; of an async generator function a `def`, since a stub has no `yield` to show it by."""
    if isinstance(node, ast.AsyncFunctionDef) and _yields(node):
        return copy.deepcopy(ast.FunctionDef(**dict(ast.iter_fields(node))))
    return copy.deepcopy(node)


def plain_default(node: ast.expr) -> ast.expr:
    """The value, if it needs no name and is short; otherwise `...`, for that there is one."""
    try:
        ast.literal_eval(node)
    except ValueError:
        return ast.Constant(...)
    return node if len(ast.unparse(node)) < 80 else ast.Constant(...)


def annotate(node: Function, *, is_method: bool) -> None:
    """Say of what is not annotated what its default says of it, or that it is not known."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    is_static = any(ast.unparse(one) == "staticmethod" for one in node.decorator_list)
    parameters = positional[1:] if is_method and not is_static else positional
    first = len(positional) - len(arguments.defaults)
    defaults = dict(zip([one.arg for one in positional[first:]], arguments.defaults, strict=True))
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            defaults[one.arg] = default
    for argument in (*parameters, *arguments.kwonlyargs):
        argument.annotation = argument.annotation or _by_default(defaults.get(argument.arg))
    for variable in (arguments.vararg, arguments.kwarg):
        if variable is not None:
            variable.annotation = variable.annotation or _incomplete()
    arguments.defaults = [plain_default(one) for one in arguments.defaults]
    arguments.kw_defaults = [one and plain_default(one) for one in arguments.kw_defaults]
    if node.returns is None:
        node.returns = _returned(node)


def _by_default(default: ast.expr | None) -> ast.expr:
    if isinstance(default, ast.Constant):
        if type(default.value) in _SIMPLE:
            return ast.Name(type(default.value).__name__, ast.Load())
        if default.value is None:
            return ast.BinOp(_incomplete(), ast.BitOr(), ast.Constant(None))
    return _incomplete()


def _returned(node: Function) -> ast.expr:
    is_setter = any(
        ast.unparse(one).endswith((".setter", ".deleter")) for one in node.decorator_list
    )
    known = "None" if is_setter else _RETURNED.get(node.name)
    if known is not None:
        return ast.parse(known, mode="eval").body
    return _incomplete()


def _incomplete() -> ast.expr:
    return ast.Name("Incomplete", ast.Load())


def _yields(function: ast.AsyncFunctionDef) -> bool:
    """Whether there is a `yield` in it, itself."""
    inside: list[ast.AST] = [*function.body]
    while inside:
        node = inside.pop()
        if isinstance(node, ast.Yield):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inside += ast.iter_child_nodes(node)
    return False
