"""Improve: what a module's source says and stubgen leaves out, and what strict checkers ask for."""

import ast

Scoped = ast.Module | ast.ClassDef

_INCOMPLETE = "Incomplete"
_UNTYPED = {"default", "default_factory", "repr", "hash", "compare", "metadata", "doc"}


def improve(stub: Scoped, source: Scoped) -> None:
    """Correct async generator functions, and add types of attributes, in a stub.

    A stub has no body that would show an async generator function by its `yield`: there it has to
    be a `def`. An attribute that a constructor sets to one of its parameters has the type of that.
    """
    defined = {
        node.name: node
        for node in source.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    types = _attribute_types(defined.get("__init__"))
    for place, node in enumerate(stub.body):
        if isinstance(node, ast.ClassDef):
            own = defined.get(node.name)
            if isinstance(own, ast.ClassDef):
                improve(node, own)
        elif isinstance(node, ast.AsyncFunctionDef):
            stub.body[place] = _plain(node) if _yields(defined.get(node.name)) else node
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == _INCOMPLETE:
            node.annotation = types.get(ast.unparse(node.target), node.annotation)


def _attribute_types(constructor: ast.stmt | None) -> dict[str, ast.expr]:
    if not isinstance(constructor, ast.FunctionDef) or not constructor.args.args:
        return {}
    arguments = constructor.args
    each = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters = {one.arg: one.annotation for one in each if one.annotation is not None}
    found: dict[str, ast.expr] = {}
    for node in ast.walk(constructor):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id=owner), attr=name)],
                value=ast.Name(id=parameter),
            ) if owner == each[0].arg and parameter in parameters:
                found[name] = parameters[parameter]
            case _:
                pass
    return found


def _yields(function: ast.AST | None) -> bool:
    """Whether it is an async generator function: there is a `yield` in it, itself."""
    if not isinstance(function, ast.AsyncFunctionDef):
        return False
    inside: list[ast.AST] = [*function.body]
    while inside:
        node = inside.pop()
        if isinstance(node, ast.Yield):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inside += ast.iter_child_nodes(node)
    return False


def _plain(node: ast.AsyncFunctionDef) -> ast.FunctionDef:
    plain = ast.FunctionDef(**dict(ast.iter_fields(node)))
    return ast.copy_location(plain, node)


def complete(stub: ast.Module) -> None:
    """Say of what is not annotated that it is not, and leave out defaults that tell nothing."""
    for node in ast.walk(stub):
        if isinstance(node, ast.Module | ast.ClassDef):
            for function in node.body:
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    _annotate(function, is_method=isinstance(node, ast.ClassDef))
        elif isinstance(node, ast.AnnAssign) and _is_default(node.value):
            node.value = ast.Constant(...)
    used = any(isinstance(node, ast.Name) and node.id == _INCOMPLETE for node in ast.walk(stub))
    known = any(isinstance(node, ast.alias) and node.name == _INCOMPLETE for node in ast.walk(stub))
    if used and not known:
        stub.body.insert(0, ast.ImportFrom("_typeshed", [ast.alias(_INCOMPLETE)], 0))


def _is_default(value: ast.expr | None) -> bool:
    """Whether it is a dataclass's `field`, and tells a checker no more than that there is one."""
    if not isinstance(value, ast.Call) or not ast.unparse(value.func).endswith("field"):
        return False
    given = {keyword.arg for keyword in value.keywords}
    return not value.args and given <= _UNTYPED and any("default" in str(one) for one in given)


def _annotate(function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_method: bool) -> None:
    positional = [*function.args.posonlyargs, *function.args.args]
    is_static = any(ast.unparse(one) == "staticmethod" for one in function.decorator_list)
    variable = [one for one in (function.args.vararg, function.args.kwarg) if one is not None]
    parameters = positional[1:] if is_method and not is_static else positional
    for argument in (*parameters, *function.args.kwonlyargs, *variable):
        argument.annotation = argument.annotation or ast.Name(_INCOMPLETE, ast.Load())
    if function.returns is None:
        is_constructor = is_method and function.name == "__init__"
        function.returns = (
            ast.Constant(None) if is_constructor else ast.Name(_INCOMPLETE, ast.Load())
        )
