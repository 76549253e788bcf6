"""The attributes of classes, as their namespaces hold them."""

from typing import Any

from sideloop._twins.code import asks_for_loop
from sideloop._twins.form import Form, form_behind, is_dispatched, is_function

COUNTERPARTS = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
"""What `with` and `for` call, in place of what `async with` and `async for` do."""

ASYNCHRONOUS = {name: asynchronous for asynchronous, name in COUNTERPARTS.items()}

LEFT_OUT = frozenset(
    """
    __abstractmethods__ __aenter__ __aexit__ __aiter__ __anext__ __annotate__ __annotate_func__
    __annotations__ __annotations_cache__ __await__ __class__ __class_getitem__ __classcell__
    __classdictcell__ __copy__ __deepcopy__ __del__ __delattr__ __dict__ __dir__ __doc__
    __firstlineno__ __getattr__ __getattribute__ __getnewargs__ __getnewargs_ex__ __getstate__
    __init__ __init_subclass__ __module__ __new__ __orig_bases__ __parameters__ __qualname__
    __reduce__ __reduce_ex__ __setattr__ __setstate__ __slots__ __static_attributes__
    __subclasshook__ __type_params__ __weakref__ _abc_impl _is_protocol _is_runtime_protocol
    """.split()  # noqa: SIM905  # to be read
)
"""What a twin has of its own, and what is the original's alone."""


def static_of(kind: type, name: str) -> Any:
    """An attribute, or None."""
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def has_static(kind: type, name: str) -> bool:
    """Whether a class has an attribute, also one that raises AttributeError when it is asked."""
    for base in kind.__mro__:  # noqa: SIM110  # a generator takes longer, at each read
        if name in base.__dict__:
            return True
    return False


def is_async(static: Any) -> bool:
    """Whether an attribute of a class is async."""
    kind: Any = type(static)  # pyright: ignore[reportUnknownVariableType]
    if hasattr(kind, "__sideloop_twin__"):
        return False
    if isinstance(static, property):
        return form_behind(static.fget) is Form.AWAITED
    if is_dispatched(static):
        return any(form_behind(one) is not None for one in static.dispatcher.registry.values())
    if is_function(static):
        return form_behind(static) is not None
    return _is_async_descriptor(static)


def needs_loop(static: Any) -> bool:
    """Whether an attribute of a class is a `def` that has to be called on the loop."""
    if isinstance(static, property):
        return asks_for_loop(static.fget)
    return is_function(static) and asks_for_loop(getattr(static, "__func__", static))


def _is_async_descriptor(static: Any) -> bool:
    """Whether it is one of somebody's that gives what an async function does, or that function."""
    kind: Any = type(static)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(static, type) or not hasattr(kind, "__get__"):
        return False
    functions = (getattr(static, name, None) for name in ("func", "fget", "__wrapped__"))
    return any(callable(one) and form_behind(one) is not None for one in functions)


def is_special(name: str) -> bool:
    """Whether the language gives the name its meaning."""
    return name.startswith("__") and name.endswith("__")


def has_aio(made: Any) -> bool:
    """Whether an object has an attribute of its own that its twin could not show."""
    return "aio" in getattr(made, "__dict__", ())


def names_aio(owner: str) -> str:
    """What is wrong with a user's `aio`, and what to do."""
    return (
        f"{owner} has an attribute 'aio', which in its twin would be the async original: rename it"
    )
