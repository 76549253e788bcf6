"""Inferred: the types of what has no annotation, as expressions for a module's stub."""

import ast
import builtins
import importlib
import importlib.util
import json
import subprocess
import sys
from types import ModuleType
from typing import Any

from sideloop._stubs.errors import StubError
from sideloop._stubs.expression import either, subscript
from sideloop._stubs.statement import statements

Said = list[Any]
"""A type as `infer` writes it."""

_OF_CHECKERS = "_typeshed"

_read: dict[str, dict[str, Any]] = {}
"""By module. One process of mypy for all of a package, since each reads whatever they import."""


def read(paths: dict[str, str]) -> None:
    """Have mypy infer the types of these modules, by name, unless it has already.

    Raises:
        StubError: mypy is not there, or cannot read them.
    """
    paths = {name: path for name, path in paths.items() if name not in _read}
    if not paths:
        return
    if importlib.util.find_spec("mypy") is None:
        raise StubError('this needs mypy, which infers types: pip install "sideloop[stubs]"')
    ended = subprocess.run(
        [sys.executable, "-m", "sideloop._stubs.infer"],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise StubError(f"mypy cannot read {', '.join(paths)}: {ended.stderr.strip()}")
    _read.update(json.loads(ended.stdout))


class Inferred:
    """The types of one module, and the imports that they need there."""

    def __init__(self, module: ModuleType, source: ast.Module) -> None:
        self._module = module
        self._taken: dict[str, tuple[str, str] | None] = dict.fromkeys(vars(module))
        self._taken |= {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in statements(source.body)  # also for type checkers alone
            if isinstance(node, ast.ImportFrom) and node.level == 0
            for alias in node.names
        }
        found = _read[module.__name__]
        self._types: dict[str, Said] = found["types"]
        self._implicit: dict[str, list[str]] = found["implicit"]
        self._imports: dict[str, tuple[str, str]] = {}

    def implicit(self, path: str) -> list[str]:
        """The attributes that methods of a class assign, and its body does not mention."""
        return self._implicit.get(path, [])

    def same(self, one: str, other: str) -> bool:
        """Whether two names have one type."""
        return one in self._types and self._types[one] == self._types.get(other)

    def type(self, path: str) -> ast.expr | None:
        """The type of a variable, attribute or parameter, unless it is not known at all."""
        said = self._types.get(path, ["any"])
        return None if said == ["any"] else self._expression(said)

    def imports(self) -> list[ast.stmt]:
        """The statements that import what types have named."""
        return [
            ast.ImportFrom(module, [ast.alias(name, None if name == bound else bound)], 0)
            for bound, (module, name) in sorted(self._imports.items())
        ]

    def _expression(self, said: Said) -> ast.expr:
        match said:
            case ["none"]:
                return ast.Constant(None)
            case ["literal", value]:
                return subscript(self.name("typing", "Literal"), ast.Constant(value))
            case ["union", first, *others]:
                found = self._expression(first)
                for other in others:
                    found = either(found, self._expression(other))
                return found
            case ["tuple"]:
                return subscript(_name("tuple"), ast.Tuple([], ast.Load()))
            case ["tuple", *items]:
                return subscript(_name("tuple"), *map(self._expression, items))
            case ["callable", taken, returned]:
                given: ast.expr = ast.Constant(...)
                if taken is not None:
                    given = ast.List(list(map(self._expression, taken)), ast.Load())
                callable_ = self.name("collections.abc", "Callable")
                return subscript(callable_, given, self._expression(returned))
            case ["class", "builtins", "function" | "ellipsis"] | ["any"]:
                return self.name(_OF_CHECKERS, "Incomplete")
            case ["class", "builtins", "tuple", item]:
                return subscript(_name("tuple"), self._expression(item), ast.Constant(...))
            case ["class" | "alias", module, name]:
                return self.name(module, name)
            case ["class", module, name, *inside]:
                return subscript(self.name(module, name), *map(self._expression, inside))
            case _:
                raise AssertionError(said)

    def name(self, module: str, path: str) -> ast.expr:
        """A name of another module."""
        first, *rest = path.split(".")
        known = vars(self._module)
        value = _value(module, first)
        if module == self._module.__name__ or (value is not None and known.get(first) is value):
            found: ast.expr = _name(first)
        elif module == "builtins" and first not in known:
            found = _name(first)
        else:
            found = _name(self._bound(_public(module, first, value), first))
        for part in rest:
            found = ast.Attribute(found, part, ast.Load())
        return found

    def _bound(self, module: str, name: str) -> str:
        """The name that the module's stub has for a name of another module."""
        bound, origin = name, (module, name)
        while (self._imports | self._taken).get(bound, origin) != origin:
            bound = f"_{bound}"
        if bound not in self._taken:
            self._imports[bound] = origin
        return bound


def _value(module: str, name: str) -> object:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:  # a stub's own, such as _typeshed
        return vars(builtins).get(name) if module == "builtins" else None


def _public(module: str, name: str, value: object) -> str:
    """Where users import it from: `asyncio`, of what `asyncio.locks` defines."""
    if value is None:
        return module
    parts = module.split(".")
    for count in range(1, len(parts)):
        package = sys.modules.get(".".join(parts[:count]))
        is_there = getattr(package, name, None) is value
        if is_there and name in getattr(package, "__all__", ()):
            return ".".join(parts[:count])
    return module


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
