"""The look of a twin: the plain function that tools are shown when they look for one.

Frameworks, documentation tools and test tools follow `__wrapped__` to a function, and ask it
whether it is async, what it takes, where its source is. It calls the twin, has the signature of the
twin, and the source of the original.
"""

import inspect
import sys
import types
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from sideloop._twins.form import Form, function_behind
from sideloop._twins.shown import Twins, annotations_in, shown_signature

LOOK = frozenset(
    """
    __annotations__ __closure__ __code__ __defaults__ __globals__ __kwdefaults__ __signature__
    __wrapped__
    """.split()  # noqa: SIM905  # to be read
)
"""The attributes that twins have from their look."""


class Shown(str):
    """What a class shows of itself, where each of its objects shows what it stands for.

    To look that up when a twin is made would cost a method's call more than all else that is done.
    """

    name: str

    def __get__(self, shower: Any, owner: Any = None) -> Any:
        return self if shower is None else shower.__sideloop_shown__(self.name)

    @classmethod
    def by_objects_of(cls, kind: type) -> None:
        """Have the objects of a class show documentation and module by `__sideloop_shown__`."""
        for name in ("__doc__", "__module__"):
            shown = cls(getattr(kind, name) or "")
            shown.name = name
            setattr(kind, name, shown)
        # A class gets a dictionary of its own when somebody asks for that.
        kind.__annotations__ = _ShownAnnotations(kind.__annotations__)


class _ShownAnnotations(dict[str, Any]):
    def __get__(self, shower: Any, owner: Any = None) -> Any:
        return self if shower is None else shower.__sideloop_shown__("__annotations__")


class Named(NamedTuple):
    """Where a twin is found: its module, and its name there."""

    module: str
    qualname: str

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.qualname.rpartition(".")[2]


def name_of(async_fn: Any) -> Named:
    """The name of a callable."""
    name = getattr(async_fn, "__name__", type(async_fn).__name__)
    return Named(
        getattr(async_fn, "__module__", None) or "", getattr(async_fn, "__qualname__", name)
    )


def look_of(
    call: Callable[..., Any], twins: Twins, async_fn: Any, form: Form | None, named: Named
) -> Any:
    """The look of the twin of a callable that hands out this, which `call` calls."""
    function = inspect.unwrap(function_behind(async_fn))
    template = _items if form is Form.ITERATED else _value
    code = _code(template.__code__, getattr(function, "__code__", None), named)
    module = sys.modules.get(named.module)
    # Which module it is of doctest tells by these.
    names = getattr(function, "__globals__", {}) if module is None else vars(module)
    look = types.FunctionType(code, names, named.name, None, (types.CellType(call),))
    look.__module__, look.__qualname__ = named.module, named.qualname
    look.__doc__ = getattr(async_fn, "__doc__", None)
    signature = shown_signature(twins, async_fn, form)
    look.__annotations__ = annotations_in(signature)
    if signature is not None:
        vars(look)["__signature__"] = signature
    return look


def look_attribute(look: Any, name: str) -> Any:
    """One of `LOOK`, of a look."""
    return look if name == "__wrapped__" else getattr(look, name)


def _code(code: types.CodeType, source: types.CodeType | None, named: Named) -> types.CodeType:
    changed: dict[str, Any] = {"co_name": named.name}
    if hasattr(code, "co_qualname"):
        changed["co_qualname"] = named.qualname
    if source is not None:
        changed |= {"co_filename": source.co_filename, "co_firstlineno": source.co_firstlineno}
    return code.replace(**changed)


def _templates(call: Callable[..., Any]) -> tuple[types.FunctionType, types.FunctionType]:
    # They use no global name, since their globals will be those of somebody's function.
    def value(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    def items(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        called: Generator[Any, Any, Any] = call(*args, **kwargs)
        return (yield from called)

    return value, items  # type: ignore[return-value]


_value, _items = _templates(_templates)
