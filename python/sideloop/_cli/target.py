"""Finds the function that `module:function` names, and says what to write when it is not there."""

import difflib
import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from sideloop._cli.errors import UsageError
from sideloop._cli.outcome import came_from_user_code

_HOW_MANY_NAMES = 8


@dataclass(frozen=True)
class Target:
    """A function that can be run."""

    name: str
    """As it was typed: `module:function`."""

    function: Callable[..., Any]
    """As the module defines it: its signature and annotations are read from here."""

    @property
    def async_fn(self) -> Callable[..., Any]:
        """What to give to `run_sync`.

        Only the call itself shows whether a function that is no `async def` returns an awaitable
        (decorated ones do), so such a function is checked as it runs.
        """
        if inspect.iscoroutinefunction(self.function):
            return self.function

        def checked(*args: Any, **kwargs: Any) -> Any:
            awaitable = self.function(*args, **kwargs)
            if not inspect.isawaitable(awaitable):
                raise UsageError(_not_async(self, awaitable))
            return awaitable

        # `updated=()`: a callable object's attributes are not the wrapper's.
        return functools.update_wrapper(checked, self.function, updated=())


def find(text: str) -> Target:
    """Import the module and look the function up in it.

    Args:
        text: `module:function`, both of which may be dotted.

    Returns:
        The function. Whether it is async is known only when it runs.

    Raises:
        UsageError: There is no such module or name, or it cannot be run.
        BaseException: Whatever the module raised while it was imported.
    """
    module_name, colon, path = text.partition(":")
    if not colon:
        raise UsageError(_no_colon(text))
    if "/" in module_name or "\\" in module_name or module_name.endswith(".py"):
        raise UsageError(
            f"{module_name!r} is a file; name the module: {_as_module(module_name)}:{path}"
        )
    for part in (*module_name.split("."), *path.split(".")):
        if not part.isidentifier():
            raise UsageError(
                f"{text!r} is not module:function, {part!r} is no name; write for example "
                f"package.module:function"
            )
    found = _look_up(import_named(module_name), path)
    if reason := _why_not_runnable(text, found):
        raise UsageError(reason)
    return Target(text, found)


def import_named(name: str) -> ModuleType:
    """Import a module.

    Raises:
        UsageError: There is no such module.
        BaseException: Whatever the module raised while it was imported.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name
        # A module that is there may itself import one that is not: that traceback is the user's.
        is_ours = missing is not None and f"{name}.".startswith(f"{missing}.")
        if missing is None or not is_ours or came_from_user_code(error):
            raise
    raise UsageError(_no_module(missing))


def _look_up(module: ModuleType, path: str) -> Any:
    owner: Any = module
    owner_name = f"module {module.__name__!r}"
    walked: list[str] = []
    for part in path.split("."):
        try:
            found = getattr(owner, part)
        except AttributeError:
            raise UsageError(_no_attribute(owner, owner_name, part)) from None
        if isinstance(owner, type) and isinstance(
            inspect.getattr_static(owner, part), FunctionType
        ):
            raise UsageError(
                f"{module.__name__}:{path} is a method and needs an instance of {owner.__name__}; "
                f"make it a classmethod or staticmethod, or name a method of an instance that the "
                f"module holds"
            )
        walked.append(part)
        owner, owner_name = found, f"{module.__name__}:{'.'.join(walked)}"
    return owner


def _why_not_runnable(name: str, found: object) -> str | None:
    if inspect.isasyncgenfunction(found):
        return (
            f"{name} is an async generator; name an async function that collects it: "
            f"return [item async for item in {found.__name__}(...)]"
        )
    if inspect.iscoroutine(found):
        found.close()
        return f"{name} is a coroutine that was made already; name the async function instead"
    if isinstance(found, type) and not hasattr(found, "__await__"):
        return f"{name} is a class; name an async function, or an async classmethod of the class"
    if not callable(found):
        return f"{name} is {_a(type(found).__name__)}, not a function; name an async function"
    return None


def _not_async(target: Target, returned: object) -> str:
    module, _, path = target.name.partition(":")
    name = path.rpartition(".")[2]
    return (
        f"{target.name} is not async: it returned {_a(type(returned).__name__)}, not an awaitable; "
        f"write `async def {name}(...)`, or call it without sideloop: "
        f"python -c 'import {module}; {module}.{path}(...)'"
    )


def _no_colon(text: str) -> str:
    module, _, name = text.rpartition(".")
    if "/" in text or name == "py":
        example = f"{_as_module(text)}:function"
    elif module:
        example = f"{module}:{name}"
    else:
        example = f"{text}:function"
    return f"{text!r} names no function; write module:function, for example {example}"


def _no_module(missing: str) -> str:
    parent, _, name = missing.rpartition(".")
    if not parent:
        near = _near(name, (found.name for found in pkgutil.iter_modules()))
        return (
            f"there is no module {missing!r} (the current directory and sys.path were "
            f"searched){near}"
        )
    path = getattr(sys.modules.get(parent), "__path__", None)
    if path is None:
        return (
            f"there is no module {missing!r}: {parent!r} is a module, not a package; did you mean "
            f"{parent}:{name}?"
        )
    near = _near(name, (found.name for found in pkgutil.iter_modules(path)))
    return f"package {parent!r} has no module {name!r}{near}"


def _no_attribute(owner: object, owner_name: str, missing: str) -> str:
    names = [name for name in dir(owner) if not name.startswith("_")]
    near = _near(missing, names)
    if not near:
        async_names = [n for n in names if inspect.iscoroutinefunction(getattr(owner, n, None))]
        if async_names:
            more = ", …" if len(async_names) > _HOW_MANY_NAMES else ""
            near = f"; its async functions: {', '.join(async_names[:_HOW_MANY_NAMES])}{more}"
    return f"{owner_name} has no {missing!r}{near}"


def _near(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(set(names)), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _as_module(path: str) -> str:
    return path.removesuffix(".py").replace("\\", "/").removeprefix("./").replace("/", ".")


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"
