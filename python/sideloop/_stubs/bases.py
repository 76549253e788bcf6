"""Bases: what a twin's class is derived from in a stub, and of whom it has members itself."""

import ast
import collections.abc
import contextlib
import copy
import sys
import typing
from typing import Any, NamedTuple

from sideloop._base.classes import is_class
from sideloop._stubs.annotation import Annotations
from sideloop._stubs.errors import StubError
from sideloop._stubs.expression import arguments_of, head, subscript
from sideloop._stubs.imports import Imports
from sideloop._stubs.scope import Scope, scope_of
from sideloop._twins.by_class import kind_of
from sideloop._twins.nature import has_async
from sideloop._twins.twin import Twin

_SYNC: dict[type, tuple[str, str]] = {
    collections.abc.AsyncIterable: ("collections.abc", "Iterable"),
    collections.abc.AsyncIterator: ("collections.abc", "Iterator"),
    collections.abc.AsyncGenerator: ("collections.abc", "Iterator"),
    contextlib.AbstractAsyncContextManager: ("contextlib", "AbstractContextManager"),
}
"""What a twin is, whose original is one of these."""


class Source(NamedTuple):
    """A class whose members the twin has itself."""

    kind: type
    node: ast.ClassDef
    annotations: Annotations
    arguments: dict[str, ast.expr]
    """What its type variables stand for, where a class is derived from it."""

    def filled(self, node: ast.stmt) -> ast.stmt:
        """A statement, with what type variables stand for in their place."""
        filled: ast.stmt = _Filled(self.arguments).visit(node)
        return filled


class Family:
    """What a twin has from its original's bases."""

    def __init__(self, twin: type[Twin], imports: Imports) -> None:
        self._twin = twin
        self._imports = imports
        self._translator = twin.__sideloop__.translator
        self._mro = twin.__sideloop__.original.__mro__
        self._bases: dict[type, ast.expr] = {}
        self._generic: ast.expr | None = None
        self._sources: dict[type, Source] = {}
        self._add(self._mro[0], [])

    def sources(self) -> list[Source]:
        """Whose members are to be written, from the last base on: so are fields in order."""
        return sorted(self._sources.values(), key=lambda one: -self._mro.index(one.kind))

    def bases(self) -> list[ast.expr]:
        """Those of the class statement."""
        found = self._bases
        needed = [
            one for one in found if not any(o is not one and issubclass(o, one) for o in found)
        ]
        written = [found[one] for one in sorted(needed, key=self._place)]
        return written if self._generic is None else [*written, self._generic]

    def keywords(self) -> list[ast.keyword]:
        """Its metaclass, if it has none by its bases: users of twins may make abstract classes."""
        if self.is_named_tuple() or any(
            kind_of(one) is not type and one not in _SYNC for one in self._bases
        ):
            return []
        return [ast.keyword("metaclass", self._imports.name("abc", "ABCMeta"))]

    def is_named_tuple(self) -> bool:
        """Whether the class statement is one of a named tuple, as its original's."""
        return tuple in self._bases and head(self._bases[tuple]) == "NamedTuple"

    def _place(self, base: type) -> tuple[bool, int]:
        origin = getattr(base, "__sideloop__", None)
        return origin is None, self._mro.index(base if origin is None else origin.original)

    def _add(self, kind: type, given: list[ast.expr]) -> None:
        scope, node = class_def(kind)
        annotations = Annotations(scope, self._imports, self._translator)
        parameters: tuple[Any, ...] = getattr(kind, "__parameters__", ())
        variables = [ast.unparse(variable(one, annotations)) for one in parameters]
        if kind is self._mro[0]:
            arguments: dict[str, ast.expr] = {}
            if parameters and not getattr(node, "type_params", None):
                names = [variable(one, annotations) for one in parameters]
                self._generic = subscript(self._imports.name("typing", "Generic"), *names)
        else:
            anything = [self._imports.name("typing", "Any")] * len(variables)
            arguments = dict(zip(variables, given or anything, strict=False))
        source = self._sources[kind] = Source(kind, node, annotations, arguments)
        for base in node.bases:
            self._derive(source, base)

    def _derive(self, source: Source, base: ast.expr) -> None:
        name = base.value if isinstance(base, ast.Subscript) else base
        value: Any = source.annotations.scope.value(name)
        found: Any = typing.get_origin(value) or value
        if found is typing.NamedTuple:
            self._bases[tuple] = source.annotations.plain(name)
        if not is_class(found) or found in (object, typing.Generic, typing.Protocol):
            return
        kind: type = found
        fill = _Filled(source.arguments).visit
        twin = self._translator.known.twin_class(kind)
        if twin is not None:
            self._bases[twin] = fill(source.annotations.taken(base))
        elif kind in _SYNC:
            module, counterpart = _SYNC[kind]
            inside = [source.annotations.given(one) for one in arguments_of(base)[:1]]
            known = self._imports.name(module, counterpart)
            self._bases[kind] = fill(subscript(known, *inside) if inside else known)
        elif not has_async(kind):
            self._bases[kind] = fill(source.annotations.taken(base))
        elif kind not in self._sources and is_read(kind):
            given = [fill(source.annotations.given(one)) for one in arguments_of(base)]
            self._add(kind, given)


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


def is_read(kind: type) -> bool:
    """Whether a twin has the members of this base itself, if that has no twin."""
    is_of_python = kind.__module__.partition(".")[0] in sys.stdlib_module_names
    return not is_of_python and has_async(kind)


def variable(parameter: Any, annotations: Annotations) -> ast.expr:
    """A type variable, by its name in the stub."""
    name = annotations.plain(ast.Name(str(parameter.__name__), ast.Load()))
    if type(parameter).__name__ == "TypeVarTuple":
        return subscript(annotations.imports.name("typing_extensions", "Unpack"), name)
    return name


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, arguments: dict[str, ast.expr]) -> None:
        self._arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._arguments.get(node.id, node))
