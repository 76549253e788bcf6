"""Hooks: sync callables that are given where async code wants async ones.

The annotation says where: of a parameter, of an attribute, of a field. What async code gets is the
callable's face. A callable that is async already it gets as it is.
"""

import contextlib
import functools
import inspect
import typing
import weakref
from typing import Any

from sideloop._base.classes import is_class
from sideloop._base.signature import signature_of
from sideloop._twins.annotation import are_known, class_hints_of, hints_of, self_hints_of
from sideloop._twins.face import Called, face_of
from sideloop._twins.form import Form, form_behind, form_of, is_function
from sideloop._twins.function import is_twin_function
from sideloop._twins.given import HOOK, user_of
from sideloop._twins.translate import Translated, is_plain, kind_of
from sideloop._twins.translator import Translator
from sideloop._twins.want import CALLABLE, Want, satisfied, want_of

_UNKNOWN: Any = object()


class Wants:
    """What a function wants of its arguments."""

    def __init__(self, signature: inspect.Signature, hints: dict[str, Any]) -> None:
        self._positional: list[Want | None] = []
        self._named: dict[str, Want] = {}
        self._others: Want | None = None
        self._other_names: Want | None = None
        self._decorated = _decorated(hints.get("return"))
        for parameter in signature.parameters.values():
            said = hints.get(parameter.name, parameter.annotation)
            want = None if said is inspect.Parameter.empty else want_of(said)
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._others = want
            elif parameter.kind is parameter.VAR_KEYWORD:
                self._other_names = want
                self._named |= (want.fields if want is not None else None) or {}
            else:
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    self._positional.append(want)
                if want is not None:
                    self._named[parameter.name] = want

    def __bool__(self) -> bool:
        parameters = any(self._positional) or self._named or self._others or self._other_names
        return bool(parameters or self._decorated)

    def satisfied(
        self, translator: Translator, args: tuple[Any, ...], kwargs: dict[str, Any], before: int
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, with the faces of what is sync among them.

        The first ones have the places from `before` on.
        """
        make = functools.partial(hook_of, translator)
        args = tuple(
            value if (want := self._at(place)) is None else satisfied(want, value, make)
            for place, value in enumerate(args, before)
        )
        named, others = self._named, self._other_names
        kwargs = {
            name: value
            if (want := named.get(name, others)) is None
            else satisfied(want, value, make)
            for name, value in kwargs.items()
        }
        return args, kwargs

    def handed_out(self, translator: Translator, result: Any) -> Any:
        """What sync code gets: the callable that it has given, or a decorator that takes one."""
        result, want = user_of(result), self._decorated
        if want is None or not inspect.isroutine(result):
            return result
        make = functools.partial(hook_of, translator)

        @functools.wraps(result)
        def decorator(value: Any, /, *args: Any, **kwargs: Any) -> Any:
            return user_of(result(satisfied(want, value, make), *args, **kwargs))

        return decorator

    def _at(self, place: int) -> Want | None:
        return self._positional[place] if place < len(self._positional) else self._others


def _decorated(said: Any) -> Want | None:
    """What is wanted of its argument by a decorator that is returned."""
    arguments: Any = typing.get_args(said)
    if typing.get_origin(said) is CALLABLE and isinstance(arguments[0], list):
        return want_of(arguments[0][0]) if arguments[0] else None
    return None


_wants: "weakref.WeakKeyDictionary[Any, Wants | None]" = weakref.WeakKeyDictionary()


def wants_of(async_fn: Any) -> Wants | None:
    """What a function, method or class wants of its arguments, if it wants hooks."""
    function = _inner(async_fn)
    try:
        found: Wants | None = _wants.get(function, _UNKNOWN)
        if found is _UNKNOWN:
            _wants[function] = found = _made(function)
    except TypeError:  # one without weak references, or a hash
        return None
    return found


def may_want(function: Any) -> bool:
    """Whether a function may want hooks: what its annotations mean may not be known yet."""
    return not are_known(function) or wants_of(function) is not None


def _made(function: Any) -> Wants | None:
    try:
        signature = signature_of(function)
    except (TypeError, ValueError):
        return None
    if is_class(function):
        hints = class_hints_of(function) | hints_of(vars(function).get("__init__", function))
    else:
        hints = hints_of(function)
    wants = Wants(signature, hints)
    return wants if wants else None


def taken_call(
    translator: Translator, async_fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, with the faces of hooks among them."""
    if all(map(is_plain, args)) and all(map(is_plain, kwargs.values())):
        return args, kwargs
    wants = wants_of(async_fn)
    if wants is None:
        return args, kwargs
    # A bound method has its object already.
    before = 1 if inspect.ismethod(async_fn) else 0
    return wants.satisfied(translator, args, kwargs, before)


def want_of_attribute(kind: type, name: str, now: Any) -> Want | None:
    """What is wanted of an attribute of the objects of a class, which is `now` this."""
    static = inspect.getattr_static(kind, name, None)
    if isinstance(static, property) and static.fset is not None:
        said = list(hints_of(static.fset).values())
        return want_of(said[0]) if said else None
    hints = class_hints_of(kind)
    found = want_of(hints[name]) if name in hints else want_of(self_hints_of(kind).get(name))
    if found is not None:
        return found
    form = form_of(now) if callable(now) else form_behind(static) if is_function(static) else None
    return None if form is None else Want(form=form)


_faces: "weakref.WeakValueDictionary[tuple[Any, ...], Any]" = weakref.WeakValueDictionary()
"""By what they call, which each keeps: a hook that is passed again, to be removed, is the same."""


def hook_of(translator: Translator, form: Form, value: Any) -> Any:
    """What async code gets of a callable: one that is async already, as it is."""
    if is_twin_function(value) and form_of(value.aio) is not None:
        return value.aio
    if (
        issubclass(kind_of(value), Translated)
        or form_of(value) is not None
        or _is_awaitable_class(value)
    ):
        return value
    inside = getattr(value, "__self__", None)
    # A method is another object each time that it is asked for.
    which = id(_inner(value)) if inside is None or hasattr(value, "__func__") else hash(value)
    key = (id(translator), id(inside), which, form.value)
    face = _faces.get(key)
    if face is None:
        face = face_of(form, lambda args: Called(translator.running(), value, args))
        _look_like(face, value)
        vars(face)[HOOK] = value
        _faces[key] = face
    return face


def _inner(value: Any) -> Any:
    return getattr(value, "__func__", value)


def _is_awaitable_class(value: Any) -> bool:
    return is_class(value) and hasattr(value, "__await__")


def _look_like(face: Any, value: Any) -> None:
    kind = kind_of(value)
    face.__name__ = getattr(value, "__name__", kind.__name__)
    face.__qualname__ = getattr(value, "__qualname__", kind.__qualname__)
    face.__module__ = getattr(value, "__module__", None) or kind.__module__
    face.__doc__ = getattr(value, "__doc__", None)
    with contextlib.suppress(TypeError, ValueError):
        face.__signature__ = signature_of(value)
