"""Annotations: the type of a sync view, from the type of what it views."""

import ast
import copy
from typing import TypeVar

from sideloop._stubs.imports import Imports, Known
from sideloop._stubs.scope import Scope
from sideloop._twins.translator import Translator

_AWAITABLES = {"Awaitable": 0, "Coroutine": 2}
_ITERABLES = ("AsyncGenerator", "AsyncIterable", "AsyncIterator")
_MANAGERS = ("AbstractAsyncContextManager", "AsyncContextManager")

N = TypeVar("N", bound=ast.AST)


class Annotations:
    """Those of one module, as they are to be written in the stub of another."""

    def __init__(self, scope: Scope, imports: Imports, translator: Translator) -> None:
        self.scope = scope
        self.imports = imports
        self.translator = translator

    def taken(self, node: ast.expr) -> ast.expr:
        """The type of an argument: of a twin, where async code wants the original."""
        found: ast.expr = _Taken(self).visit(unquoted(node))
        return found

    def given(self, node: ast.expr) -> ast.expr:
        """The type of a result: of the sync view of what async code returns."""
        found: ast.expr = _Given(self).visit(unquoted(node))
        return found

    def plain(self, node: N) -> N:
        """The same, in a stub that may not know its names yet."""
        return self.imports.known_in(self.scope, node)

    def awaited(self, node: ast.expr) -> ast.expr:
        """What awaiting something of this type gives."""
        place, inside = _AWAITABLES.get(head(node)), arguments_of(node)
        return node if place is None or len(inside) <= place else inside[place]

    def iterated(self, node: ast.expr) -> ast.expr | None:
        """`SyncGenerator[...]`, of what can be iterated asynchronously."""
        kind = head(node)
        if kind not in _ITERABLES:
            return None
        items, *sent = arguments_of(node) or [self._any()]
        if not sent:
            sent = [ast.Constant(None) if kind == "AsyncGenerator" else self._any()]
        return _subscript(self.imports.name("sideloop", "SyncGenerator"), items, *sent)

    def managed(self, node: ast.expr) -> ast.expr | None:
        """`SyncContextManager[...]`, of an async context manager."""
        if head(node) not in _MANAGERS:
            return None
        return self._manager_of((arguments_of(node) or [self._any()])[0])

    def managing(self, node: ast.expr) -> ast.expr:
        """The same, by the return type of the generator function that is behind it."""
        known = arguments_of(node) if head(node) in _ITERABLES else []
        return self._manager_of((known or [self._any()])[0])

    def _manager_of(self, entered: ast.expr) -> ast.expr:
        return _subscript(self.imports.name("sideloop", "SyncContextManager"), entered)

    def _any(self) -> ast.expr:
        return self.imports.name("typing", "Any")


class _Taken(Known):
    """The classes of originals become those of their twins."""

    def __init__(self, annotations: Annotations) -> None:
        super().__init__(annotations.imports, annotations.scope)
        self.annotations = annotations

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._twin(node) or super().visit_Name(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._twin(node) or self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        # Async code calls what it is given with originals: nothing is translated on that way.
        if head(node) in ("Callable", "Literal"):
            return self.annotations.plain(node)
        return self.generic_visit(node)

    def _twin(self, node: ast.expr) -> ast.expr | None:
        found = self.annotations.scope.value(node)
        twin = (
            self.annotations.translator.known.twin_class(found) if isinstance(found, type) else None
        )
        if twin is None:
            return None
        return self.annotations.imports.dotted(twin.__module__, twin.__qualname__)


class _Given(_Taken):
    """And what is asynchronous becomes its sync view."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        view = self.annotations.iterated(node) or self.annotations.managed(node)
        return super().visit_Subscript(view if isinstance(view, ast.Subscript) else node)


class _Unquoted(ast.NodeTransformer):
    """Annotations in quotes are what they quote."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node if head(node) == "Literal" else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        return unquoted(ast.parse(node.value, mode="eval").body)


def unquoted(node: ast.expr) -> ast.expr:
    """A copy of an annotation, with nothing of it in quotes."""
    found: ast.expr = _Unquoted().visit(copy.deepcopy(node))
    return found


def head(node: ast.expr) -> str:
    """The last part of the name of a type or decorator, without its arguments."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = unquoted(node)
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def arguments_of(node: ast.expr) -> list[ast.expr]:
    """What is in the brackets of a type."""
    node = unquoted(node)
    if not isinstance(node, ast.Subscript):
        return []
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _subscript(value: ast.expr, *inside: ast.expr) -> ast.Subscript:
    node = inside[0] if len(inside) == 1 else ast.Tuple([*inside], ast.Load())
    return ast.Subscript(value, node, ast.Load())
