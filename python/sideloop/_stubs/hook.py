"""Hooks: what sync code may pass where async code asks for an async callable."""

import ast
import copy
import importlib
import sys
import typing
from typing import Any, Protocol, TypeVar

from sideloop._base.classes import is_class
from sideloop._stubs.expression import (
    AWAITABLES,
    ITERABLES,
    MANAGERS,
    arguments_of,
    either,
    head,
    subscript,
    unquoted,
)
from sideloop._stubs.imports import Imports
from sideloop._stubs.options import sync_typed_dict
from sideloop._stubs.scope import Scope, scope_of
from sideloop._stubs.source import source_tree
from sideloop._stubs.statement import bound_names, statements
from sideloop._twins.translator import Translator
from sideloop._twins.want import returned_form, want_of

N = TypeVar("N", bound=ast.AST)


class Types(Protocol):
    """The annotations of one module: see `annotation`."""

    scope: Scope
    imports: Imports
    translator: Translator

    def of(self, scope: Scope) -> "Types":
        """Those of another module, in the same stub."""
        ...

    def taken(self, node: ast.expr) -> ast.expr:
        """The type of an argument."""
        ...

    def given(self, node: ast.expr) -> ast.expr:
        """The type of a result."""
        ...

    def awaited(self, node: ast.expr) -> ast.expr:
        """What awaiting something of this type gives."""
        ...

    def plain(self, node: N) -> N:
        """The same, in a stub that may not know its names yet."""
        ...

    def value(self, node: ast.expr) -> Any:
        """What an annotation says, as far as it can be known without a checker."""


class HookTypes:
    """The types of hooks: of sync callables that may be given in place of async ones."""

    def __init__(self, annotations: Types) -> None:
        self._annotations = annotations
        self._imports = annotations.imports

    def taken(self, node: ast.expr) -> ast.expr | None:
        """What sync code may pass; None if no async callable is asked for just here."""
        if isinstance(node, ast.Subscript) and head(node) == "Callable":
            return self._callable(node)
        name = node.value if isinstance(node, ast.Subscript) else node
        value = self._annotations.scope.value(name)
        if getattr(value, "_is_protocol", False):
            return self._protocol(node, name)
        if is_class(value) and want_of(value) is not None:
            return self._options(node, value)
        if is_class(value) or want_of(self._annotations.value(node)) is None:
            return None
        if isinstance(value, TypeVar):
            return self._variable(name, value)
        return self._alias(node) if isinstance(node, ast.Name) else None

    def given(self, node: ast.expr) -> ast.expr | None:
        """What sync code gets: a decorator takes what it may pass, and gives that back."""
        value = self._annotations.scope.value(node)
        if isinstance(value, TypeVar):
            return self.taken(node)
        inside = arguments_of(node) if head(node) == "Callable" else []
        parameters = inside[0] if len(inside) == 2 else None
        if not isinstance(parameters, ast.List) or len(parameters.elts) != 1:
            return None
        hook, returned = parameters.elts[0], inside[1]
        if want_of(self._annotations.value(hook)) is None:
            return None
        taken = self._annotations.taken(hook)
        if ast.dump(hook) != ast.dump(returned):
            return self._of([taken], self._annotations.plain(returned))
        bound = self._bound(f"_{head(hook)}", taken)
        return self._of([bound], bound)

    def _callable(self, node: ast.Subscript) -> ast.expr | None:
        inside = arguments_of(node)
        if len(inside) != 2 or returned_form(self._annotations.value(inside[1])) is None:
            return None
        plain = self._annotations.plain
        parameters = inside[0]
        asked = (
            [plain(one) for one in parameters.elts]
            if isinstance(parameters, ast.List)
            else plain(parameters)
        )
        given = (
            [self._handed(one) for one in parameters.elts]
            if isinstance(parameters, ast.List)
            else asked
        )
        value, awaited = self._value(inside[1]), plain(inside[1])
        if value is None:
            return self._of(asked, awaited)
        if _dump(given) == _dump(asked):
            return self._of(asked, either(value, awaited))
        return either(self._of(given, value), self._of(asked, awaited))

    def _handed(self, node: ast.expr) -> ast.expr:
        """What a hook gets of an argument: of an async callable a sync one."""
        inside = arguments_of(node) if head(node) == "Callable" else []
        if len(inside) != 2 or returned_form(self._annotations.value(inside[1])) is None:
            return self._annotations.given(node)
        value = self._annotations.given(self._annotations.awaited(inside[1]))
        return self._of(self._annotations.plain(inside[0]), value)

    def _value(self, node: ast.expr) -> ast.expr | None:
        """What a sync callable returns where an async one returns this; None if it may say so."""
        inside = arguments_of(node) or [self._imports.name("typing", "Any")]
        taken, kind = self._annotations.taken, head(node)
        if kind in AWAITABLES:
            return taken(self._annotations.awaited(node))
        if kind in ITERABLES:
            iterable = self._imports.name("collections.abc", "Iterable")
            return subscript(iterable, taken(inside[0]))
        if kind in MANAGERS:
            manager = self._imports.name("contextlib", "AbstractContextManager")
            return subscript(manager, taken(inside[0]))
        if isinstance(node, ast.BinOp | ast.Subscript):
            return None  # one of several, with a value among them
        return self._imports.name("typing", "Any")

    def _of(self, parameters: list[ast.expr] | ast.expr, returned: ast.expr) -> ast.expr:
        if isinstance(parameters, list):
            parameters = ast.List(parameters, ast.Load())
        return subscript(self._imports.name("collections.abc", "Callable"), parameters, returned)

    def _alias(self, node: ast.Name) -> ast.expr:
        """An alias says for async code what it says: so what it stands for is written."""
        scope, name = self._annotations.scope, node.id
        origin = None if scope.definitions(name) else scope.origin(name)
        if origin is not None and origin[1] is not None:
            scope, name = scope_of(importlib.import_module(origin[0])), origin[1]
        found = _value_of(scope, name)
        if found is None:
            return either(self._annotations.plain(node), self._anything())
        there = self._annotations.of(scope)
        return there.taken(found)

    def _variable(self, node: ast.expr, value: TypeVar) -> ast.expr:
        """A type variable whose bound async callables fulfil, and here sync ones too."""
        found = self._definition_of_bound(node)
        bound = self._anything() if found is None else self._annotations.taken(found)
        return self._bound(f"_{value.__name__}", bound)

    def _definition_of_bound(self, node: ast.expr) -> ast.expr | None:
        if not isinstance(node, ast.Name):
            return None
        found = _value_of(self._annotations.scope, node.id)
        words = found.keywords if isinstance(found, ast.Call) else []
        return next((unquoted(word.value) for word in words if word.arg == "bound"), None)

    def _bound(self, name: str, bound: ast.expr) -> ast.expr:
        variable = self._imports.name("typing", "TypeVar")

        def make(name: str) -> ast.stmt:
            words = [ast.keyword("bound", bound)]
            call = ast.Call(variable, [ast.Constant(name)], words)
            return ast.Assign([ast.Name(name, ast.Store())], call)

        return self._imports.declare(name, make)

    def _protocol(self, node: ast.expr, name: ast.expr) -> ast.expr | None:
        """The protocol or its sync counterpart, which is written beside."""
        kind: Any = self._annotations.scope.value(name)
        if want_of(kind) is None:
            return None
        asked = self._annotations.plain(node)
        scope = scope_of(sys.modules[kind.__module__])
        found = scope.definitions(kind.__qualname__)
        if not found or not isinstance(found[0], ast.ClassDef):
            return either(asked, self._anything())
        there, statement = self._annotations.of(scope), found[0]
        sync = self._imports.declare(
            f"_Sync{kind.__name__}", lambda name: _sync_protocol(name, statement, there)
        )
        if isinstance(node, ast.Subscript):
            sync = ast.Subscript(sync, self._annotations.plain(node.slice), ast.Load())
        return either(sync, asked)

    def _options(self, node: ast.expr, kind: Any) -> ast.expr | None:
        """A dataclass is widened where it is defined, and a typed dictionary has a counterpart."""
        self._imports.options.setdefault(kind, self._annotations.translator)
        if not typing.is_typeddict(kind):
            return None
        scope = scope_of(sys.modules[kind.__module__])
        found = scope.definitions(kind.__qualname__)
        asked = self._annotations.plain(node)
        if not found or not isinstance(found[0], ast.ClassDef):
            return asked
        there, statement = self._annotations.of(scope), found[0]
        sync = self._imports.declare(
            f"_Sync{kind.__name__}", lambda name: sync_typed_dict(name, statement, there)
        )
        return either(sync, asked)

    def _anything(self) -> ast.expr:
        return self._of(ast.Constant(...), self._imports.name("typing", "Any"))


def _sync_protocol(name: str, node: ast.ClassDef, annotations: Types) -> ast.stmt:
    body: list[ast.stmt] = []
    for statement in node.body:
        if isinstance(statement, ast.AsyncFunctionDef | ast.FunctionDef):
            fields: dict[str, Any] = dict(ast.iter_fields(copy.deepcopy(statement)))
            arguments: ast.arguments = fields["args"]
            variable = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variable]
            for argument in named:
                if argument.annotation is not None:
                    argument.annotation = annotations.given(argument.annotation)
            if statement.returns is not None:
                awaited = annotations.awaited(unquoted(statement.returns))
                fields["returns"] = annotations.taken(awaited)
            body.append(ast.FunctionDef(**fields))
    made: dict[str, Any] = dict(ast.iter_fields(node))
    made |= {"name": name, "bases": [annotations.plain(base) for base in node.bases]}
    made |= {"body": body, "decorator_list": []}
    return ast.ClassDef(**made)


def _value_of(scope: Scope, name: str) -> ast.expr | None:
    """What a name of a module is bound to, as its source or its stub writes it."""
    for body in (scope.tree.body, source_tree(scope.module).body):
        for node in statements(body):
            alias: Any = node if type(node).__name__ == "TypeAlias" else None  # `type X = ...`
            if alias is not None and alias.name.id == name:
                found: ast.expr = alias.value
                return unquoted(found)
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            if name in bound_names(node):
                return unquoted(node.value)
    return None


def _dump(node: list[ast.expr] | ast.expr) -> list[str]:
    return list(map(ast.dump, node if isinstance(node, list) else [node]))
