"""The want: where an annotation says that a value is, or holds, an async callable."""

import collections.abc
import copy
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sideloop._base.classes import is_class
from sideloop._twins.annotation import bound_of, class_hints_of
from sideloop._twins.form import Form, form_behind
from sideloop._twins.translate import kind_of

_FORMS: dict[Any, Form] = {
    collections.abc.Awaitable: Form.AWAITED,
    collections.abc.Coroutine: Form.AWAITED,
    collections.abc.AsyncGenerator: Form.ITERATED,
    collections.abc.AsyncIterable: Form.ITERATED,
    collections.abc.AsyncIterator: Form.ITERATED,
}

CALLABLE: Any = collections.abc.Callable

_ITEMS: Any = (list, tuple, set, frozenset, collections.deque)

_SPECIAL = ("Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly", "Unpack")


class Want(NamedTuple):
    """What is wanted of a value, by what it turns out to be."""

    form: Form | None = None
    """Of a callable."""
    items: Any = None
    """Of what is in a list, tuple or set: a `Want`."""
    values: Any = None
    """Of what is in a dictionary: a `Want`."""
    fields: dict[str, Any] | None = None
    """Of the fields of a dataclass or the keys of a dictionary: a `Want` for each."""

    def either(self, other: "Want") -> "Want":
        """What is wanted where either is."""
        pairs: Any = zip(self, other, strict=True)
        return Want(*(one or another for one, another in pairs))


def want_of(said: Any, outer: tuple[Any, ...] = ()) -> Want | None:
    """What an annotation says is wanted, or None if nothing async is."""
    if any(said is one for one in outer) or len(outer) > 20:
        return None
    outer = (*outer, said)
    origin: Any = typing.get_origin(said)
    arguments: tuple[Any, ...] = typing.get_args(said)
    if origin is CALLABLE:
        form = returned_form(arguments[-1]) if arguments else None
        return None if form is None else Want(form=form)
    if inner := _inside(said, origin, arguments):
        return _either(want_of(one, outer) for one in inner)
    kind: Any = origin or said
    if not is_class(kind):
        return None
    if arguments and issubclass(kind, collections.abc.Mapping):
        values = want_of(arguments[-1], outer)
        return None if values is None else Want(values=values)
    if arguments and _holds_items(kind):
        items = _either(want_of(one, outer) for one in arguments)
        return None if items is None else Want(items=items)
    return _of_class(kind, outer)


def returned_form(said: Any) -> Form | None:
    """The form of what returns this."""
    origin: Any = typing.get_origin(said)
    if inner := _inside(said, origin, typing.get_args(said)):
        return next(filter(None, map(returned_form, inner)), None)
    kind: Any = origin or said
    if not is_class(kind):
        return None
    if kind in _FORMS:
        return _FORMS[kind]
    if hasattr(kind, "__aenter__"):
        return Form.ENTERED
    if hasattr(kind, "__aiter__"):
        return Form.ITERATED
    return Form.AWAITED if hasattr(kind, "__await__") else None


def _inside(said: Any, origin: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The types that one of which it is."""
    if origin is typing.Union or isinstance(said, types.UnionType):
        return arguments
    name = getattr(origin, "_name", None) or getattr(origin, "__name__", "")
    if name in _SPECIAL or hasattr(said, "__metadata__"):
        return arguments[:1]
    for alias in (said, origin):
        if type(alias).__name__ == "TypeAliasType":
            return (alias.__value__,)
    if isinstance(said, typing.TypeVar):
        return said.__constraints__ or ((bound_of(said),) if said.__bound__ else ())
    supertype = getattr(said, "__supertype__", None)  # of a NewType
    return () if supertype is None else (supertype,)


def _either(wants: Iterable[Want | None]) -> Want | None:
    found: Want | None = None
    for want in wants:
        if want is not None:
            found = want if found is None else found.either(want)
    return found


def _holds_items(kind: Any) -> bool:
    return hasattr(kind, "__iter__") and not hasattr(kind, "__aiter__")


def _of_class(kind: Any, outer: tuple[Any, ...]) -> Want | None:
    if getattr(kind, "_is_protocol", False):
        call = inspect.getattr_static(kind, "__call__", None)
        form = None if call is None else form_behind(call)
        return None if form is None else Want(form=form)
    is_dataclass: Any = dataclasses.is_dataclass
    if not (is_dataclass(kind) or typing.is_typeddict(kind)):
        return None
    wants = {name: want_of(said, outer) for name, said in class_hints_of(kind).items()}
    fields = {name: want for name, want in wants.items() if want is not None}
    return Want(fields=fields) if fields else None


def satisfied(want: Want, value: Any, make: Callable[[Form, Any], Any]) -> Any:
    """The value, with what `make` makes of each callable that is to be async and is not."""
    if kind_of(value) is dict:
        return _changed(value, want, make)
    if kind_of(value) in _ITEMS:
        if want.items is None:
            return value
        items = [satisfied(want.items, item, make) for item in value]
        is_same = all(map(lambda one, other: one is other, items, value))
        return value if is_same else kind_of(value)(items)
    if want.fields is not None and dataclasses.is_dataclass(value):
        return _replaced(value, want.fields, make)
    if want.form is not None and callable(value):
        return make(want.form, value)
    return value


def _changed(value: dict[Any, Any], want: Want, make: Callable[[Form, Any], Any]) -> Any:
    changed: dict[Any, Any] = {}
    for key, item in value.items():
        inner = (want.fields or {}).get(key, want.values)
        if inner is not None and (made := satisfied(inner, item, make)) is not item:
            changed[key] = made
    if not changed:
        return value
    copied = value.copy()
    copied.update(changed)
    return copied


def _replaced(value: Any, fields: dict[str, Want], make: Callable[[Form, Any], Any]) -> Any:
    changed: dict[str, Any] = {}
    for name, want in fields.items():
        item = getattr(value, name, None)
        if (made := satisfied(want, item, make)) is not item:
            changed[name] = made
    if not changed:
        return value
    copied = copy.copy(value)
    for name, made in changed.items():
        object.__setattr__(copied, name, made)  # also of one that is frozen
    return copied
