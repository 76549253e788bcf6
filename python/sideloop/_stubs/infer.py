"""Infer: what mypy finds out of variables and attributes that have no annotation. A program.

It reads the paths of modules by their names, as JSON, and writes the types: by module, and by the
dotted name of a variable, attribute or parameter. A type is a list, its kind first.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from mypy.build import BuildSource, build
from mypy.errors import CompileError
from mypy.nodes import (
    Decorator,
    FuncDef,
    MypyFile,
    SymbolTable,
    SymbolTableNode,
    TypeAlias,
    TypeInfo,
    Var,
)
from mypy.options import Options
from mypy.types import (
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

ANY = ["any"]


def main() -> None:
    """Read, infer, write."""
    paths: dict[str, str] = json.load(sys.stdin)
    sources = [BuildSource(path, name, None, _root(path, name)) for name, path in paths.items()]
    try:
        found = build(sources, _options()).files
    except CompileError as error:
        sys.exit("\n".join(error.messages))
    json.dump({name: _of_module(found[name]) for name in paths}, sys.stdout)


def _root(path: str, name: str) -> str:
    is_package = os.path.basename(path).startswith("__init__.")  # noqa: PTH119  # no more than text
    for _ in range(name.count(".") + 1 + is_package):
        path = os.path.dirname(path)  # noqa: PTH120
    return path


def _options() -> Options:
    options = Options()
    options.python_executable = sys.executable
    options.check_untyped_defs = True
    options.follow_imports = "silent"
    options.ignore_missing_imports = True
    options.ignore_errors = True
    options.namespace_packages = options.explicit_package_bases = True
    options.incremental = False
    options.cache_dir = os.devnull
    return options


def _of_module(module: MypyFile) -> dict[str, Any]:
    types: dict[str, Any] = {}
    implicit: dict[str, list[str]] = {}
    for path, name, entry in _entries(module.names, module.fullname, ""):
        node = entry.node
        if isinstance(node, Var) and not entry.plugin_generated:
            types[path + name] = ANY if node.type is None else said(node.type)
            if entry.implicit:
                implicit.setdefault(path[:-1], []).append(name)
        if isinstance(node, Decorator):
            node = node.func
        if isinstance(node, FuncDef) and isinstance(node.type, CallableType):
            for argument, kind in zip(node.arguments, node.type.arg_types, strict=True):
                types[f"{path}{name}.{argument.variable.name}"] = said(kind)
    return {"types": types, "implicit": implicit}


def _entries(
    table: SymbolTable, module: str, path: str
) -> Iterator[tuple[str, str, SymbolTableNode]]:
    """What a module, and each class in it, defines itself."""
    for name, entry in table.items():
        node = entry.node
        if node is None or not node.fullname.startswith(f"{module}."):
            continue
        yield path, name, entry
        if isinstance(node, TypeInfo) and node.fullname == f"{module}.{path}{name}":
            yield from _entries(node.names, module, f"{path}{name}.")


def said(type_: Type) -> list[Any]:
    """A type, as a list."""
    if isinstance(type_, TypeAliasType) and type_.alias is not None and not type_.args:
        return _named("alias", type_.alias)
    found = get_proper_type(type_)
    match found:
        case NoneType():
            return ["none"]
        case Instance():
            return [*_named("class", found.type), *map(said, found.args)]
        case UnionType():
            return ["union", *map(said, found.items)]
        case LiteralType() if isinstance(found.value, bool | int | str) and (
            found.fallback.type.fullname.startswith("builtins.")
        ):
            return ["literal", found.value]
        case LiteralType():
            return said(found.fallback)
        case TupleType() if found.partial_fallback.type.fullname != "builtins.tuple":
            return said(found.partial_fallback)
        case TupleType():
            return ["tuple", *map(said, found.items)]
        case TypedDictType():
            is_named = found.fallback.type.fullname != "typing._TypedDict"
            return said(found.fallback) if is_named else ANY
        case TypeType():
            return ["class", "builtins", "type", said(found.item)]
        case TypeVarType() if found.name == "Self":
            return ["class", "typing_extensions", "Self"]
        case TypeVarType():
            module, _, name = found.fullname.rpartition(".")
            return ["class", module, name]
        case CallableType() if found.is_type_obj():
            return ["class", "builtins", "type", said(found.ret_type)]
        case CallableType() if not found.variables:
            is_plain = all(kind.is_positional(star=False) for kind in found.arg_kinds) and not any(
                kind.is_optional() for kind in found.arg_kinds
            )
            taken = list(map(said, found.arg_types)) if is_plain else None
            return ["callable", taken, said(found.ret_type)]
        case _:
            return ANY


def _named(kind: str, node: TypeInfo | TypeAlias) -> list[Any]:
    """A class or alias, by its module and its name there; none that a function has inside."""
    module = node.module_name if isinstance(node, TypeInfo) else node.fullname.rpartition(".")[0]
    name = node.fullname[len(module) + 1 :]
    return [kind, module, name] if name.replace(".", "_").isidentifier() else ANY


if __name__ == "__main__":
    main()
