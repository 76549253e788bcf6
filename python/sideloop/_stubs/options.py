"""Options: dataclasses and typed dictionaries that have hooks among their fields.

Async code reads an async callable off such a field, and a sync user sets a sync one. Of a
dataclass a stub says both by a descriptor; a typed dictionary gets a sync counterpart beside.
"""

import ast
import copy
import functools
from typing import Any, Protocol

from sideloop._stubs.expression import head, subscript, unquoted
from sideloop._stubs.imports import Imports
from sideloop._twins.want import want_of

_FIELD = '''
class _HookField(Generic[_Got, _Set]):
    """What is read of a field, and what may be set."""
    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _Got: ...
    def __set__(self, instance: object, value: _Set) -> None: ...
'''

_NO_FIELDS = ("ClassVar", "InitVar")


class Types(Protocol):
    """The annotations of one module: see `annotation`."""

    imports: Imports

    def taken(self, node: ast.expr) -> ast.expr:
        """The type of an argument."""
        ...

    def plain(self, node: Any) -> Any:
        """The same, in a stub that may not know its names yet."""

    def value(self, node: ast.expr) -> Any:
        """What an annotation says, as far as it can be known without a checker."""


def widened(node: ast.ClassDef, annotations: Types) -> None:
    """Let sync callables be set on the fields of a dataclass that ask for async ones."""
    for place, statement in enumerate(node.body):
        if not isinstance(statement, ast.AnnAssign) or head(statement.annotation) in _NO_FIELDS:
            continue
        if want_of(annotations.value(unquoted(statement.annotation))) is None:
            continue
        got, taken = (
            annotations.plain(statement.annotation),
            annotations.taken(statement.annotation),
        )
        if ast.dump(got) == ast.dump(taken):
            continue
        descriptor = _descriptor(annotations.imports)
        made = copy.copy(statement)
        made.annotation = subscript(descriptor, got, taken)
        made.value = _default(statement.value, descriptor)
        node.body[place] = made


def sync_typed_dict(name: str, node: ast.ClassDef, annotations: Types) -> ast.stmt:
    """The counterpart of a typed dictionary, in which sync callables may be."""
    body: list[ast.stmt] = []
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            made = copy.copy(statement)
            made.annotation = annotations.taken(statement.annotation)
            body.append(made)
    fields: dict[str, Any] = dict(ast.iter_fields(node))
    fields |= {"name": name, "bases": [annotations.plain(base) for base in node.bases]}
    fields |= {"body": body or [ast.Pass()], "decorator_list": []}
    return ast.ClassDef(**fields)


def _default(value: ast.expr | None, descriptor: ast.expr) -> ast.expr | None:
    """A default of the descriptor's type, since that is the type of the field."""
    if not isinstance(value, ast.Call):
        return None if value is None else ast.Constant(...)
    defaults = ("default", "default_factory", "factory")
    words = [word for word in value.keywords if word.arg not in defaults]
    if len(words) != len(value.keywords):
        words.append(ast.keyword("default_factory", descriptor))
    return ast.Call(value.func, value.args, words)


def _descriptor(imports: Imports) -> ast.expr:
    for name in ("_Got", "_Set"):
        imports.declare(name, functools.partial(_variable, imports.name("typing", "TypeVar")))
    for module, name in (
        ("typing", "Generic"),
        ("typing", "overload"),
        ("typing_extensions", "Self"),
    ):
        imports.name(module, name)
    return imports.declare("_HookField", lambda _: ast.parse(_FIELD).body[0])


def _variable(kind: ast.expr, name: str) -> ast.stmt:
    call = ast.Call(kind, [ast.Constant(name)], [])
    return ast.Assign([ast.Name(name, ast.Store())], call)
