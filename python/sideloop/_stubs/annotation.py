"""Annotations: the type of a sync view, from the type of what it views."""

import ast
import builtins
import sys
import typing
from typing import Any, TypeVar

from sideloop._base.classes import is_class
from sideloop._stubs.expression import (
    AWAITABLES,
    ITERABLES,
    MANAGERS,
    arguments_of,
    head,
    subscript,
    unquoted,
)
from sideloop._stubs.hook import HookTypes
from sideloop._stubs.imports import Imports, Known
from sideloop._stubs.returned import leads_to_async, opened_class, returned_by
from sideloop._stubs.scope import Scope
from sideloop._twins.annotation import evaluated
from sideloop._twins.nature import Nature, has_twins, is_call, is_pending, nature_of, opens
from sideloop._twins.translator import Translator
from sideloop._twins.want import want_of

N = TypeVar("N", bound=ast.AST)


class Annotations:
    """Those of one module, as they are to be written in the stub of another."""

    def __init__(self, scope: Scope, imports: Imports, translator: Translator) -> None:
        self.scope = scope
        self.imports = imports
        self.translator = translator

    def of(self, scope: Scope) -> "Annotations":
        """Those of another module, in the same stub."""
        return Annotations(scope, self.imports, self.translator)

    def taken(self, node: ast.expr) -> ast.expr:
        """The type of an argument: of a twin, where async code wants the original."""
        found: ast.expr = _Taken(self).visit(unquoted(node))
        return found

    def given(self, node: ast.expr) -> ast.expr:
        """The type of a result: of the sync view of what async code returns."""
        found: ast.expr = _Given(self).visit(unquoted(node))
        return found

    def held(self, node: ast.expr) -> ast.expr:
        """The type of an attribute: sync code gets the callable that it has set."""
        if want_of(self.value(unquoted(node))) is not None:
            return self.taken(node)
        found: ast.expr = _Held(self).visit(unquoted(node))
        return found

    def served(self, node: ast.expr) -> ast.expr:
        """The type of what a `def` returns, by what that is."""
        found: ast.expr = _Served(self).visit(unquoted(node))
        return found

    def value(self, node: ast.expr) -> Any:
        """What an annotation says, as far as it can be known without a checker."""
        module = self.scope.module
        return evaluated(ast.unparse(node), vars(module), module)

    def plain(self, node: N) -> N:
        """The same, in a stub that may not know its names yet."""
        return self.imports.known_in(self.scope, node)

    def awaited(self, node: ast.expr) -> ast.expr:
        """What awaiting something of this type gives."""
        place, inside = AWAITABLES.get(head(node)), arguments_of(node)
        return node if place is None or len(inside) <= place else inside[place]

    def iterated(self, node: ast.expr) -> ast.expr | None:
        """`SyncGenerator[...]`, of what can be iterated asynchronously."""
        kind = head(node)
        if kind not in ITERABLES:
            return None
        items, *sent = arguments_of(node) or [self._any()]
        if not sent:
            sent = [ast.Constant(None) if kind == "AsyncGenerator" else self._any()]
        return subscript(self.imports.name("sideloop", "SyncGenerator"), items, *sent)

    def managed(self, node: ast.expr) -> ast.expr | None:
        """`SyncContextManager[...]`, of an async context manager."""
        if head(node) not in MANAGERS:
            return None
        return self._manager_of((arguments_of(node) or [self._any()])[0])

    def managing(self, node: ast.expr) -> ast.expr:
        """The same, by the return type of the generator function that is behind it."""
        known = arguments_of(node) if head(node) in ITERABLES else []
        return self._manager_of((known or [self._any()])[0])

    def kept(self, node: ast.expr) -> ast.expr | None:
        """`SyncFuture[...]`, of a future, task or coroutine that is not there to be awaited."""
        if head(node) not in AWAITABLES or head(node) == "Awaitable":
            return None
        kind: Any = self.scope.value(node.value if isinstance(node, ast.Subscript) else node)
        kind = typing.get_origin(kind) or kind
        if not is_pending(kind):
            return None
        inside = self.awaited(node)
        return subscript(
            self.imports.name("sideloop", "SyncFuture"), self._any() if inside is node else inside
        )

    def _manager_of(self, entered: ast.expr) -> ast.expr:
        return subscript(self.imports.name("sideloop", "SyncContextManager"), entered)

    def _any(self) -> ast.expr:
        return self.imports.name("typing", "Any")


class _Taken(Known):
    """The classes of originals become those of their twins, and async callables may be sync too."""

    def __init__(self, annotations: Annotations) -> None:
        super().__init__(annotations.imports, annotations.scope)
        self.annotations = annotations

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self._twin(node) or self._hook(node) or self.annotations.kept(node)
        return found or super().visit_Name(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        found = self._twin(node) or self._hook(node) or self.annotations.kept(node)
        return found or self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        kept = self.annotations.kept(node)
        if isinstance(kept, ast.Subscript):
            kept.slice = self.visit(kept.slice)
            return kept
        if head(node) in ("Callable", "Literal"):
            return self._hook(node) or self.annotations.plain(node)
        return self._hook(node) or self.generic_visit(node)

    def _hook(self, node: ast.expr) -> ast.expr | None:
        return HookTypes(self.annotations).taken(node)

    def _twin(self, node: ast.expr) -> ast.expr | None:
        found = self.annotations.scope.value(node)
        if not is_class(found):
            return None
        twin: Any = self.annotations.translator.known.twin_class(found)
        if twin is not None and twin.__sideloop__.is_named:
            return self.annotations.imports.dotted(twin.__module__, twin.__qualname__)
        return self._unnamed(found) if self._has_twin(found) else None

    def _has_twin(self, kind: type) -> bool:
        """Whether an object of a class that nobody has wrapped has a twin here."""
        return self.annotations.translator.deep and has_twins(kind)

    def _unnamed(self, kind: type) -> ast.expr | None:
        if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
            return None  # its own stub is not ours to translate
        twin = self.annotations.translator.twin_below(kind)
        return self.annotations.imports.twin(kind, twin)


class _Given(_Taken):
    """The classes of originals become those of their twins, and what is async its sync view."""

    def _hook(self, node: ast.expr) -> ast.expr | None:
        return HookTypes(self.annotations).given(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        view = self.annotations.iterated(node) or self.annotations.managed(node)
        return super().visit_Subscript(view if isinstance(view, ast.Subscript) else node)


class _Held(_Given):
    """Objects that are attributes have twins, if their library is that of what has them."""

    def _has_twin(self, kind: type) -> bool:
        if not (has_twins(kind) or leads_to_async(kind)):
            return False
        module = self.annotations.scope.module.__name__
        is_related = kind.__module__.partition(".")[0] == module.partition(".")[0]
        return is_related or self.annotations.translator.deep


class _Served(_Given):
    """What a `def` returns is awaited if it can only be that, and else has a twin."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._awaited(node) or super().visit_Name(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._awaited(node) or super().visit_Attribute(node)

    def _has_twin(self, kind: type) -> bool:
        return super()._has_twin(kind) or opens(kind)

    def _awaited(self, node: ast.expr) -> ast.expr | None:
        kind = self.annotations.scope.value(node)
        if not is_class(kind) or self.annotations.translator.known.twin_class(kind):
            return None
        if nature_of(kind) is Nature.AWAITABLE:
            return self._returned(kind, "__await__")
        return self._managed(kind) if is_call(kind) else None

    def _managed(self, kind: type) -> ast.expr | None:
        """What such a call gives, which also works with `with`."""
        imports, entered = self.annotations.imports, self._returned(kind, "__aenter__")
        if entered is None:
            return None
        name = entered.attr if isinstance(entered, ast.Attribute) else getattr(entered, "id", "")
        if not name or hasattr(builtins, name) or name == "Any":
            return subscript(imports.name("sideloop", "SyncContextManager"), entered)
        return imports.declare(f"_Opened{name}", lambda own: opened_class(own, entered))

    def _returned(self, kind: type, name: str) -> ast.expr | None:
        """What awaiting a method gives, as its own module says it."""
        found = returned_by(kind, name)
        if found is None:
            return self.annotations.imports.name("typing", "Any")
        scope, said = found
        return self.annotations.of(scope).given(said)
