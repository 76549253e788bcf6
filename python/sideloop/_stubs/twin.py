"""Twins: the class that stands for an async class, in a stub."""

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

from sideloop._stubs.added import added, constructor, is_property
from sideloop._stubs.annotation import Annotations
from sideloop._stubs.bases import Family, Source, class_def, variable
from sideloop._stubs.expression import head
from sideloop._stubs.function import no_type_params, twin_def
from sideloop._stubs.imports import Imports
from sideloop._stubs.statement import bound_names, is_documentation, statements
from sideloop._twins.form import Form, form_behind, form_of
from sideloop._twins.function import SyncFunction
from sideloop._twins.memory import is_value
from sideloop._twins.static import COUNTERPARTS, is_async
from sideloop._twins.twin import Twin

_LEFT_OUT = frozenset(
    ("__await__", "__del__", "__init_subclass__", "__match_args__", "__post_init__", "__slots__")
)
_KEPT = ("dataclass", "deprecated", "final")
_AWAITED = ("__aenter__", "__aexit__", "__anext__")


def twin_class_def(twin: type[Twin], name: str, imports: Imports) -> ast.ClassDef:
    """The class statement of a twin class."""
    original = twin.__sideloop__.original
    _, node = class_def(original)
    family = Family(twin, imports)
    members: dict[str, list[ast.stmt]] = {}
    for source in family.sources():
        found: dict[str, list[ast.stmt]] = {}
        for key, member in _members(source):
            found.setdefault(key, []).append(source.filled(member))
        members |= found
    body = [member for those in members.values() for member in those]
    annotations = family.sources()[-1].annotations
    if not family.is_named_tuple():
        body += constructor(original, body)
    fields = no_type_params() | dict(ast.iter_fields(node))
    said = [one for one in node.body[:1] if is_documentation(one)]
    fields |= {
        "name": name,
        "keywords": family.keywords(),
        "body": [*said, *body, _aio(original, annotations)],
    }
    fields["bases"] = family.bases()
    fields["decorator_list"] = [
        annotations.plain(one) for one in node.decorator_list if head(one) in _KEPT
    ]
    if is_value(original) and not issubclass(original, Enum):
        fields["decorator_list"].insert(0, imports.name("typing", "final"))
    return ast.ClassDef(**fields)


def original_name(original: type) -> str:
    """What the stub calls the original: one that was decorated has no name of its own."""
    path = original.__qualname__
    return f"_Async{path[:-4]}" if path.endswith(".aio") else path


def _members(source: Source) -> Iterator[tuple[str, ast.stmt]]:
    original, annotations = source.kind, source.annotations
    key = ""
    for statement in statements(source.node.body):
        if is_documentation(statement):
            if key:
                yield key, statement
            continue
        key = ""
        if (made := added(original, source.node, statement, annotations)) is not None:
            key = made.name
            yield key, made
            continue
        if _is_private(statement) or not _LEFT_OUT.isdisjoint(bound_names(statement)):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            form = _form(original, statement)
            twin = twin_def(statement, form, annotations)
            twin.name = COUNTERPARTS.get(statement.name, statement.name)
            if twin.name == "__exit__":
                twin.args = _what_with_passes(annotations)
            yield twin.name, twin
        elif isinstance(statement, ast.AnnAssign):
            kept = annotations.plain(statement)
            kept.annotation = annotations.held(statement.annotation)
            key = ast.unparse(statement.target)
            yield key, kept
        elif names := bound_names(statement):
            key = names[0]
            yield key, annotations.plain(statement)


def _what_with_passes(annotations: Annotations) -> ast.arguments:
    traceback = ast.unparse(annotations.imports.name("types", "TracebackType"))
    made = ast.parse(
        "def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, "
        f"traceback: {traceback} | None) -> None: ..."
    ).body[0]
    assert isinstance(made, ast.FunctionDef)
    return made.args


def _is_private(node: ast.stmt) -> bool:
    return any(name.startswith("_") and not name.endswith("__") for name in bound_names(node))


def _form(original: type, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Form | None:
    static = inspect.getattr_static(original, node.name, None)
    if node.name in _AWAITED or (is_property(static) and is_async(static)):
        return Form.AWAITED
    if is_property(static):
        return None
    if isinstance(static, SyncFunction):
        static = static.aio
    form = form_of(static)
    if form is None and isinstance(node, ast.AsyncFunctionDef):
        # Another decorator is around it. What that returns is run, if it is a coroutine.
        return form_behind(static) or Form.AWAITED
    return form


def _aio(original: type, annotations: Annotations) -> ast.FunctionDef:
    imports = annotations.imports
    name = imports.dotted(original.__module__, original_name(original))
    parameters: tuple[Any, ...] = getattr(original, "__parameters__", ())
    inside = [ast.unparse(variable(one, annotations)) for one in parameters]
    of = ast.unparse(name) + (f"[{', '.join(inside)}]" if inside else "")
    decorator = ast.unparse(imports.name("sideloop", "AsyncOriginal"))
    tree = ast.parse(f"@{decorator}\ndef aio(self) -> {of}: ...")
    node = tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    return node
