"""One source file: the bridges in it, found without importing it."""

import ast
import functools
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sideloop._doctor.kind import (
    CALLED,
    FORK,
    IN_FUNCTIONS,
    METHODS,
    RUN,
    RUN_UNTIL_COMPLETE,
    START_METHODS,
    THREADSAFE,
    Kind,
)
from sideloop._doctor.names import dotted, imported
from sideloop._doctor.peers import Peer, peers
from sideloop._doctor.walk import expressions


class UnreadableError(Exception):
    """A source file cannot be read; the message says why."""


@dataclass(frozen=True)
class Finding:
    """A bridge, or what bridges depend on, at a place in a source file."""

    what: Kind | Peer
    """The kind of it, or the library whose bridge it uses."""

    name: str
    """What is called there: `asyncio.run`."""

    line: int

    function: str
    """The function around it, as `Class.method`; empty where there is none."""


@dataclass(frozen=True)
class Findings:
    """All of a file."""

    found: tuple[Finding, ...]

    beginnings: int
    """How many were left out, since a program begins there."""


_NONE = Findings((), 0)


def findings(source: bytes, beginnings: Collection[str] = (), *, is_main: bool = False) -> Findings:
    """What stands in a source.

    Args:
        source: The file's bytes.
        beginnings: Functions in it that a program begins with, by what its distribution says.
        is_main: Whether the file is a program's `__main__`.

    Raises:
        UnreadableError: It is no Python, or not of this version, or nested too deeply.
    """
    if not _may_have_any(source):
        return _NONE
    tree = _parsed(source)
    names = imported(tree)
    programs = {*beginnings, *_called_by_the_program(tree, is_main)}
    found: list[Finding] = []
    left_out = 0
    for node, function, is_async in expressions(tree):
        name, what = _recognized(node, names)
        if what is None or not _counts(what, function, is_async):
            continue
        if what in (RUN, RUN_UNTIL_COMPLETE) and function in programs:
            left_out += 1
            continue
        found.append(Finding(what, name, node.lineno, function))
    return Findings(tuple(sorted(found, key=lambda one: (one.line, one.name))), left_out)


def _counts(what: Kind | Peer, function: str, is_async: bool) -> bool:
    """Whether it is a bridge where it stands."""
    if what is THREADSAFE and is_async:
        return False  # async code of two loops: nobody blocks
    return bool(function) or what not in IN_FUNCTIONS


# What is recognized.


@functools.cache
def _uses() -> Mapping[str, Peer]:
    return {name: peer for peer in peers().values() for name in peer.names}


@functools.cache
def _needles() -> list[tuple[bytes, bytes]]:
    """Pairs of words: a file has anything to be found only if it has both words of one."""
    names = [*CALLED, *START_METHODS, *_uses()]
    pairs = [(name.partition(".")[0].encode(), name.rpartition(".")[2].encode()) for name in names]
    return [*pairs, *((name.encode(), name.encode()) for name in METHODS)]


def _may_have_any(source: bytes) -> bool:
    return any(first in source and last in source for first, last in _needles())


def _recognized(node: ast.expr, names: Mapping[str, str]) -> tuple[str, Kind | Peer | None]:
    """What an expression is by itself, not by what is inside of it."""
    if isinstance(node, ast.Call):
        name = dotted(node.func, names)
        if name in CALLED:
            return name, CALLED[name]
        if name in START_METHODS and _is_fork(node):
            return f'{name}("fork")', FORK
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        # A loop that calls its base class's is a loop, and no bridge.
        if method in METHODS and not _is_super(node.func):
            return method, METHODS[method]
        return "", None
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        name = dotted(node, names)
        return name, _uses().get(name)
    return "", None


def _is_fork(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(one, ast.Constant) and one.value == "fork" for one in given)


def _is_super(function: ast.expr) -> bool:
    receiver = function.value if isinstance(function, ast.Attribute) else None
    return (
        isinstance(receiver, ast.Call)
        and isinstance(receiver.func, ast.Name)
        and receiver.func.id == "super"
    )


def _parsed(source: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Of what is wrong in the sources of others (invalid escapes).
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise UnreadableError(f"no Python of this version{where}: {error.msg}") from None
    except ValueError as error:
        raise UnreadableError(f"no Python: {error}") from None
    except (RecursionError, MemoryError):
        raise UnreadableError("nested too deeply to be read") from None


def _called_by_the_program(tree: ast.Module, is_main: bool) -> set[str]:
    """The functions of a file that it calls where it is a program."""
    blocks: list[ast.AST] = [
        node for node in tree.body if isinstance(node, ast.If) and _asks_for_main(node.test)
    ]
    if is_main:
        defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        blocks += [node for node in tree.body if not isinstance(node, defined)]
    return {
        node.func.id
        for block in blocks
        for node in ast.walk(block)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _asks_for_main(test: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(test)
    )
