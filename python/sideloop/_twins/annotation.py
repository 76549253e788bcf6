"""Annotations as a program can know them: also those in quotes, and of names for checkers alone."""

import ast
import builtins
import collections.abc
import importlib
import inspect
import sys
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from sideloop._base.lazy import annotates_lazily, is_stand_in
from sideloop._base.signals import raise_a_handlers
from sideloop._twins.translate import kind_of


def hints_of(function: Any) -> dict[str, Any]:
    """The annotations of a function, by parameter."""
    function = inspect.unwrap(function)
    module = sys.modules.get(getattr(function, "__module__", "") or "")
    names: Any = getattr(function, "__globals__", None) or vars(module or builtins)
    return _resolved(_raw(function), names, module)


def are_known(function: Any) -> bool:
    """Whether the annotations of a function can be evaluated now, without importing anything."""
    function = inspect.unwrap(function)
    if annotates_lazily(function):
        return False
    scope = _Met(getattr(function, "__globals__", {}), None)
    for said in _raw(function).values():
        if isinstance(said, str):
            try:
                eval(said, {}, scope)  # an annotation of the user's own
            except Exception as error:  # a name that comes later in the module, for example
                raise_a_handlers(error)
                return False
    return True


def class_hints_of(kind: type) -> dict[str, Any]:
    """The annotations of a class's attributes, its bases' too."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        module = sys.modules.get(base.__module__)
        names = {**vars(module or builtins), **vars(base)}
        if base is not object:
            found |= _resolved(_raw(base), names, module)
    return found


def module_hints_of(module: Any) -> dict[str, Any]:
    """The annotations of a module's variables."""
    names: dict[str, Any] = module.__dict__
    return _resolved(_raw(module), names, module)


def self_hints_of(kind: type) -> dict[str, Any]:
    """What constructors say of attributes: `self.hook: Hook`, or `self.hook = parameter`."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        init: Any = base.__dict__.get("__init__")
        if not inspect.isfunction(init):
            continue
        parameters = hints_of(init)
        module = sys.modules.get(init.__module__)
        said: dict[str, Any] = {}
        for node in _nodes_of(init, ast.AnnAssign, ast.Assign):
            if isinstance(node, ast.AnnAssign) and (name := _of_self(node.target)):
                said[name] = ast.unparse(node.annotation)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                for name in filter(None, map(_of_self, node.targets)):
                    found[name] = parameters.get(node.value.id)
        found |= _resolved(said, init.__globals__, module)
    return found


def bound_of(variable: typing.TypeVar) -> Any:
    """What a type variable is bound by."""
    module = sys.modules.get(variable.__module__)
    return evaluated(variable.__bound__, vars(module or builtins), module)


def evaluated(
    said: Any, names: Mapping[str, Any], module: Any, outer: frozenset[str] = frozenset()
) -> Any:
    """What an annotation in quotes says, as far as it can be found out.

    An alias may mention itself, in quotes. There it says Any: `outer` has what is being found out.
    """
    text = said.__forward_arg__ if isinstance(said, typing.ForwardRef) else said
    if isinstance(text, str):
        if text in outer:
            return Any
        outer |= {text}
        try:
            said = eval(text, {}, _Scope(names, module, outer))  # an annotation of the user's own
        except Exception as error:  # whatever it is
            raise_a_handlers(error)
            return Any
    return _unquoted(said, lambda quoted: evaluated(quoted, names, module, outer))


def _unquoted(said: Any, evaluate: Callable[[Any], Any]) -> Any:
    """The same, with what is in quotes inside of its brackets."""
    origin: Any = typing.get_origin(said)
    inside: tuple[Any, ...] = typing.get_args(said)
    if origin is typing.Literal or not inside:
        return said
    if hasattr(said, "__metadata__"):
        return evaluate(inside[0])  # Annotated
    known = tuple(_each(one, evaluate) for one in inside)
    if known == inside:
        return said
    if origin is typing.Union or isinstance(said, types.UnionType):
        return typing.Union[known]  # noqa: UP007  # there is no operator for many
    try:
        return origin[known]
    except TypeError:  # one of typing's own, such as ClassVar
        return said


def _raw(holder: Any) -> dict[str, Any]:
    try:
        found: Any = vars(holder).get("__annotations__") if isinstance(holder, type) else None
        return dict(found or inspect.get_annotations(holder))
    except Exception as error:  # from CPython 3.14 on they are evaluated when asked for
        raise_a_handlers(error)
        return _unevaluated(holder)


def _unevaluated(holder: Any) -> dict[str, Any]:
    library: Any = sys.modules.get("annotationlib")
    if library is None:
        return {}
    try:
        found: dict[str, Any] = library.get_annotations(holder, format=library.Format.STRING)
    except Exception as error:
        raise_a_handlers(error)
        return {}
    return found


def _resolved(raw: dict[str, Any], names: Mapping[str, Any], module: Any) -> dict[str, Any]:
    return {name: evaluated(said, names, module) for name, said in raw.items()}


def _each(one: Any, evaluate: Callable[[Any], Any]) -> Any:
    # The parameters of a `Callable` are a list.
    return [evaluate(parameter) for parameter in one] if kind_of(one) is list else evaluate(one)


class _Scope(dict[str, Any]):
    """What names mean in a module, also those that it imports for type checkers alone."""

    def __init__(
        self, names: Mapping[str, Any], module: Any, outer: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self._names = names
        self._module = module
        self._outer = outer

    def __missing__(self, name: str) -> Any:
        for names in (self._names, vars(builtins)):
            if name in names:
                found = names[name]
                return evaluated(found, self._names, self._module, self._outer)
        for library in (typing, collections.abc):
            if hasattr(library, name):
                return getattr(library, name)
        return self._imported(name)

    def _imported(self, name: str) -> Any:
        if self._module is None:
            raise NameError(name)
        for node in _nodes_of(self._module, ast.Import, ast.ImportFrom):
            assert isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) != name:
                    continue
                if isinstance(node, ast.Import):
                    return importlib.import_module(alias.name if alias.asname else name)
                package = getattr(self._module, "__package__", None)
                origin = "." * node.level + (node.module or "")
                return getattr(importlib.import_module(origin, package), alias.name)
        raise NameError(name)


class _Met(_Scope):
    """The same, as far as nothing has to be imported for it."""

    def __missing__(self, name: str) -> Any:
        found = super().__missing__(name)
        if is_stand_in(found):
            raise NameError(name)
        return found


_nodes: "weakref.WeakKeyDictionary[Any, list[ast.AST]]" = weakref.WeakKeyDictionary()
"""By what has the source. Each attribute that is set, and each name, would parse that again."""


def _nodes_of(holder: Any, *kinds: type[ast.AST]) -> list[ast.AST]:
    """The statements of these kinds in a function's or module's source."""
    found = _nodes.get(holder)
    if found is None:
        walked = ast.walk(_tree_of(holder))
        _nodes[holder] = found = [node for node in walked if isinstance(node, kinds)]
    return found


def _tree_of(holder: Any) -> ast.AST:
    try:
        return ast.parse(inspect.cleandoc("\n" + inspect.getsource(holder)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _of_self(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return None
    return node.attr if node.value.id == "self" else None
