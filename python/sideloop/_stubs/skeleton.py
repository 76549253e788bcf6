"""Skeletons: what a module's source says, as a stub in which nothing is wrapped yet.

What is annotated stays as it is written. What is not gets the type that mypy infers. Imports,
`__all__`, documentation and overloads stay; bodies, and what only runs, go.
"""

import ast
import copy
import enum
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._stubs.expression import head, subscript
from sideloop._stubs.fields import (
    has_fields,
    has_values,
    set_by_methods,
    tells_no_more_than_default,
)
from sideloop._stubs.inferred import Inferred
from sideloop._stubs.signature import annotate, documented, plain_default, without_yield
from sideloop._stubs.statement import (
    Function,
    after_documentation,
    bound_names,
    imported_names,
    is_documentation,
    is_kind_of_type,
    is_overloaded,
    seen_by_checkers,
    statements,
)

INCOMPLETE = "Incomplete"

_OF_FUNCTIONS = frozenset(
    """
    abstractmethod asynccontextmanager cache cached_property classmethod computed_field
    contextmanager dataclass_transform deleter deprecated final getter lru_cache overload override
    property setter staticmethod
    """.split()  # noqa: SIM905  # to be read
)
_OF_CLASSES = frozenset(
    """
    attrs dataclass dataclass_transform define deprecated final frozen mutable runtime_checkable s
    total_ordering
    """.split()  # noqa: SIM905
)
"""Decorators that tell checkers something. Others may have types of which nothing is known."""

_TYPE_MAKERS = frozenset(("Enum", "IntEnum", "NamedTuple", "StrEnum", "TypedDict", "namedtuple"))


def skeleton(module: ModuleType, source: ast.Module, types: Inferred) -> ast.Module:
    """The stub of a module as its author wrote it."""
    body = list(_Skeleton(module, source, types).body(source.body, "", module))
    tree = ast.Module(body, [])
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imports = types.imports()
    if INCOMPLETE in names and not any(INCOMPLETE in imported_names(one) for one in imports):
        imports.append(ast.ImportFrom("_typeshed", [ast.alias(INCOMPLETE)], 0))
    tree.body = after_documentation(body, imports)
    return tree


class _Skeleton:
    def __init__(self, module: ModuleType, source: ast.Module, types: Inferred) -> None:
        self._module = module
        self._types = types
        self._exported = _Exports(module, source)

    def body(self, body: list[ast.stmt], path: str, holder: Any) -> Iterator[ast.stmt]:
        """What a stub has of the body of a module or class, which is `holder`."""
        overloaded = {
            node.name
            for node in statements(body)
            if isinstance(node, Function)
            and any(head(one) == "overload" for one in node.decorator_list)
        }
        follows = True  # what a string would be about is there
        for node in seen_by_checkers(body):
            if is_documentation(node):
                if follows:
                    yield copy.deepcopy(node)
                continue
            made = list(self._statement(node, path, holder, overloaded))
            follows = bool(made) and isinstance(node, ast.Assign | ast.AnnAssign)
            yield from made

    def _statement(
        self, node: ast.stmt, path: str, holder: Any, overloaded: set[str]
    ) -> Iterator[ast.stmt]:
        match node:
            case ast.If():
                bodies = [list(self.body(one, path, holder)) for one in (node.body, node.orelse)]
                if any(bodies):
                    yield ast.If(node.test, bodies[0] or [ast.Pass()], bodies[1])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                is_implementation = node.name in overloaded and not is_overloaded(node)
                if not is_implementation and not any(
                    head(one) == "register" for one in node.decorator_list
                ):
                    yield self._function(node, is_method=path != "")
            case ast.ClassDef():
                yield self._class(node, path, _original(getattr(holder, node.name, None)))
            case ast.ImportFrom(module="__future__"):
                pass
            case ast.Import() | ast.ImportFrom():
                yield self._exported.of(node)
            case ast.AnnAssign(target=ast.Name()):
                yield self._annotated(node, path, holder)
            case ast.Assign():
                yield from self._assigned(node, path, holder)
            case _ if type(node).__name__ == "TypeAlias":
                yield node
            case _:
                pass

    def _function(self, node: Function, *, is_method: bool) -> Function:
        node = without_yield(node)
        node.decorator_list = [one for one in node.decorator_list if head(one) in _OF_FUNCTIONS]
        annotate(node, is_method=is_method)
        node.body = documented(node)
        return node

    def _class(self, node: ast.ClassDef, path: str, kind: Any) -> ast.ClassDef:
        fields: dict[str, Any] = dict(ast.iter_fields(node))
        inner = f"{path}.{node.name}".lstrip(".")
        body = list(self.body(node.body, inner, kind))
        place = 1 if body and is_documentation(body[0]) else 0
        body[place:place] = self._attributes(node, inner, kind)
        fields["bases"] = [
            one for one in node.bases if not isinstance(one, ast.Call) or head(one) in _TYPE_MAKERS
        ]
        fields["decorator_list"] = [one for one in node.decorator_list if head(one) in _OF_CLASSES]
        fields["body"] = body or [ast.Expr(ast.Constant(...))]
        return ast.ClassDef(**fields)

    def _attributes(self, node: ast.ClassDef, path: str, kind: Any) -> Iterator[ast.stmt]:
        """What methods assign. In a class whose annotations are fields, it is none of them."""
        inside = {name for one in statements(node.body) for name in bound_names(one)}
        said = dict(set_by_methods(node))
        for name in self._types.implicit(path):
            if name in inside:
                continue
            annotation = self._attribute_type(path, name, said.get(name))
            if not has_fields(kind):
                yield ast.AnnAssign(ast.Name(name, ast.Store()), annotation, None, 1)
                continue
            parts = ast.parse(
                f"@property\ndef {name}(self) -> {ast.unparse(annotation)}: ...\n"
                f"@{name}.setter\ndef {name}(self, value: {ast.unparse(annotation)}) -> None: ..."
            )
            yield from parts.body

    def _attribute_type(self, path: str, name: str, said: tuple[str, ast.expr] | None) -> ast.expr:
        """As it is written, in the method or for its parameter, if that is the type that it has."""
        inferred = self._types.type(f"{path}.{name}")
        if said is not None:
            parameter, annotation = said
            if not parameter or inferred is None:
                return copy.deepcopy(annotation)
            if self._types.same(f"{path}.{name}", f"{path}.{parameter}"):
                return copy.deepcopy(annotation)
        return inferred or ast.Name(INCOMPLETE, ast.Load())

    def _type(self, path: str, name: str) -> ast.expr:
        found = self._types.type(f"{path}.{name}".lstrip("."))
        return found or ast.Name(INCOMPLETE, ast.Load())

    def _annotated(self, node: ast.AnnAssign, path: str, holder: Any) -> ast.AnnAssign:
        value = node.value
        if value is None or head(node.annotation) == "TypeAlias":
            return copy.deepcopy(node)
        if isinstance(value, ast.Call) and has_fields(holder):
            value = ast.Constant(...) if tells_no_more_than_default(value) else value
        else:
            value = plain_default(value)
        annotation = node.annotation
        if head(annotation) == "Final" and not isinstance(annotation, ast.Subscript):
            if isinstance(value, ast.Constant) and value.value is ...:
                found = self._type(path, ast.unparse(node.target))
                return ast.AnnAssign(
                    node.target, ast.Subscript(annotation, found, ast.Load()), None, 1
                )
        elif isinstance(holder, ModuleType) or not has_values(holder):
            return ast.AnnAssign(node.target, annotation, None, 1)
        return ast.AnnAssign(node.target, annotation, copy.deepcopy(value), 1)

    def _assigned(self, node: ast.Assign, path: str, holder: Any) -> Iterator[ast.stmt]:
        for name in bound_names(node):
            value = _value(holder, name)
            alone = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
            if name == "__all__" and not path:
                yield _list_of_names(value)
            elif alone and self._is_kept(node, name, holder):
                yield copy.deepcopy(node)
            elif isinstance(holder, enum.EnumMeta) and name in holder.__members__:
                yield ast.Assign([ast.Name(name, ast.Store())], plain_default(node.value))
            elif not path or not _is_special(name):
                annotation = self._type(path, name)
                if has_fields(holder):
                    annotation = subscript(self._types.name("typing", "ClassVar"), annotation)
                yield ast.AnnAssign(ast.Name(name, ast.Store()), annotation, None, 1)

    def _is_kept(self, node: ast.Assign, name: str, holder: Any) -> bool:
        """Whether the value itself says more than a type: an alias, a type variable."""
        value = _value(holder, name)
        if name in ("__hash__", "__slots__", "__match_args__"):
            return plain_default(node.value) is node.value
        if isinstance(node.value, ast.Call):
            is_made = is_class(value) and head(node.value) in _TYPE_MAKERS
            return is_made or (is_kind_of_type(value) and not is_class(holder))
        is_path = isinstance(node.value, ast.Name | ast.Attribute)
        return (is_kind_of_type(value) and not isinstance(holder, enum.EnumMeta)) or (
            is_path and (is_class(value) or callable(value))
        )


class _Exports:
    """What of its imports a module hands on."""

    def __init__(self, module: ModuleType, source: ast.Module) -> None:
        self._package = module.__name__.partition(".")[0]
        self._says = "__all__" in vars(module)
        self._is_package = hasattr(module, "__path__")
        self._used = {node.id for node in ast.walk(source) if isinstance(node, ast.Name)}

    def of(self, node: ast.Import | ast.ImportFrom) -> ast.stmt:
        """The import: with `as`, by which stubs hand on, what it imports to that end."""
        made = copy.deepcopy(node)
        if self._says or isinstance(made, ast.Import):
            return made
        origin = (made.module or "").partition(".")[0]
        if made.level == 0 and origin != self._package:
            return made
        for alias in made.names:
            name = alias.name
            is_used = name in self._used and not self._is_package
            if alias.asname is None and name != "*" and not name.startswith("_") and not is_used:
                alias.asname = name
        return made


def _value(holder: Any, name: str) -> Any:
    """What a module or class has by a name."""
    namespace: Any = getattr(holder, "__dict__", {})
    return namespace.get(name)


def _original(kind: Any) -> Any:
    """The class itself, where its name is its twin's."""
    origin = getattr(kind, "__sideloop__", None)
    return kind if origin is None else origin.original


def _list_of_names(value: Any) -> ast.stmt:
    names: list[ast.expr] = [ast.Constant(str(one)) for one in value or ()]
    return ast.Assign([ast.Name("__all__", ast.Store())], ast.List(names, ast.Load()))


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
