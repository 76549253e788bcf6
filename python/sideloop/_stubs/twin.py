"""Twins: the class that stands for an async class, in a stub."""

import ast
import inspect
import sys
import typing
from collections.abc import Iterator
from typing import Any

from sideloop._stubs.annotation import Annotations
from sideloop._stubs.errors import StubError
from sideloop._stubs.expression import head
from sideloop._stubs.function import no_type_params, twin_def
from sideloop._stubs.imports import Imports
from sideloop._stubs.scope import Scope, bound_names, scope_of, statements
from sideloop._twins.form import Form, form_behind, form_of
from sideloop._twins.function import SyncFunction
from sideloop._twins.static import COUNTERPARTS, is_async
from sideloop._twins.twin import Twin

_LEFT_OUT = ("__await__", "__del__", "__init_subclass__")
_KEPT = ("dataclass", "deprecated", "final")
_AWAITED = ("__aenter__", "__aexit__", "__anext__")


def twin_class_def(twin: type[Twin], name: str, imports: Imports) -> ast.ClassDef:
    """The class statement of a twin class."""
    original, translator = twin.__sideloop__.original, twin.__sideloop__.translator
    scope, node = class_def(original)
    annotations = Annotations(scope, imports, translator)
    members: dict[str, list[ast.stmt]] = {}
    for base in (original, *_taken_over(twin)):
        scope, inside = class_def(base)
        found: dict[str, list[ast.stmt]] = {}
        for key, member in _members(base, inside, Annotations(scope, imports, translator)):
            found.setdefault(key, []).append(member)
        members |= {key: those for key, those in found.items() if key not in members}
    body = [member for those in members.values() for member in those]
    fields = no_type_params() | dict(ast.iter_fields(node))
    fields |= {"name": name, "keywords": [], "body": [*body, _aio(original, imports)]}
    fields["bases"] = list(_bases(twin, node, annotations))
    fields["decorator_list"] = [
        annotations.plain(one) for one in node.decorator_list if head(one) in _KEPT
    ]
    return ast.ClassDef(**fields)


def class_def(original: type) -> tuple[Scope, ast.ClassDef]:
    """The statement of a class, and the scope that it is in.

    Raises:
        StubError: It has none: it was not made by a class statement of a module.
    """
    scope = scope_of(sys.modules[original.__module__])
    path = original.__qualname__.removesuffix(".aio")
    for node in scope.definitions(path):
        if isinstance(node, ast.ClassDef):
            return scope, node
    raise StubError(
        f"class {path} was not found in the source of module {original.__module__!r}; define it "
        f"there by a class statement, outside of functions"
    )


def original_name(original: type) -> str:
    """What the stub calls the original: one that was decorated has no name of its own."""
    path = original.__qualname__
    return f"_Async{path[:-4]}" if path.endswith(".aio") else path


def _taken_over(twin: type[Twin]) -> Iterator[type]:
    """The originals' bases that the twin has no base for, so that it has their members itself."""
    translator = twin.__sideloop__.translator
    for base in twin.__sideloop__.original.__mro__[1:]:
        is_foreign = base.__module__.partition(".")[0] in sys.stdlib_module_names
        if not is_foreign and (translator.known.twin_class(base) or base) not in twin.__mro__:
            yield base


def _bases(twin: type[Twin], node: ast.ClassDef, annotations: Annotations) -> Iterator[ast.expr]:
    """Those of the original that the twin has too, with what is in their brackets."""
    translator = twin.__sideloop__.translator
    written: dict[Any, ast.expr] = {}
    for base in node.bases:
        found = annotations.scope.value(base.value if isinstance(base, ast.Subscript) else base)
        known = translator.known.twin_class(found) if isinstance(found, type) else None
        written[known or found] = base
    for own in twin.__bases__:
        if own in written:
            yield annotations.taken(written[own])
        elif own is not Twin:
            yield annotations.imports.dotted(own.__module__, own.__qualname__)
    if typing.Generic in written:
        yield annotations.taken(written[typing.Generic])


def _members(
    original: type, node: ast.ClassDef, annotations: Annotations
) -> Iterator[tuple[str, ast.stmt]]:
    for statement in statements(node.body):
        if _is_private(statement):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            if statement.name in _LEFT_OUT:
                continue
            form = _form(original, statement)
            twin = twin_def(statement, form, annotations)
            twin.name = COUNTERPARTS.get(statement.name, statement.name)
            yield twin.name, twin
        elif isinstance(statement, ast.AnnAssign):
            kept = annotations.plain(statement)
            kept.annotation = annotations.held(statement.annotation)
            yield ast.unparse(statement.target), kept
        elif names := bound_names(statement):
            yield names[0], annotations.plain(statement)


def _is_private(node: ast.stmt) -> bool:
    return any(name.startswith("_") and not name.endswith("__") for name in bound_names(node))


def _form(original: type, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Form | None:
    static = inspect.getattr_static(original, node.name, None)
    if node.name in _AWAITED or (isinstance(static, property) and is_async(static)):
        return Form.AWAITED
    if isinstance(static, property):
        return None
    if isinstance(static, SyncFunction):
        static = static.aio
    form = form_of(static)
    if form is None and isinstance(node, ast.AsyncFunctionDef):
        # Another decorator is around it. What that returns is run, if it is a coroutine.
        return form_behind(static) or Form.AWAITED
    return form


def _aio(original: type, imports: Imports) -> ast.FunctionDef:
    name = imports.dotted(original.__module__, original_name(original))
    parameters: tuple[Any, ...] = getattr(original, "__parameters__", ())
    of = ast.unparse(name) + (f"[{', '.join(map(str_of, parameters))}]" if parameters else "")
    decorator = ast.unparse(imports.name("sideloop", "AsyncOriginal"))
    tree = ast.parse(f"@{decorator}\ndef aio(self) -> {of}: ...")
    node = tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def str_of(parameter: Any) -> str:
    """The name of a type variable."""
    return str(parameter.__name__)
