"""What twins show of signatures: those of their originals, as sync users may read them.

Where async classes stand in the annotations their twins do, and where what is async is returned,
its sync view. Nothing of this is done before somebody asks for it.
"""

import ast
import builtins
import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sideloop._base.classes import is_class
from sideloop._base.signals import raise_a_handlers
from sideloop._base.signature import signature_of
from sideloop._twins.form import Form, function_behind
from sideloop._twins.nature import is_pending
from sideloop._twins.translate import kind_of
from sideloop._twins.want import CALLABLE, returned_form
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.future import SyncFuture
from sideloop._views.generator import SyncGenerator

_annotated: Any = typing.Annotated
_future: Any = SyncFuture
_generator: Any = SyncGenerator
_async_manager: Any = AbstractAsyncContextManager
_manager: Any = SyncContextManager
_union: Any = typing.Union

_EMPTY: Any = inspect.Parameter.empty
_AWAITABLES = (collections.abc.Awaitable, collections.abc.Coroutine)
_GENERATOR: Any = collections.abc.AsyncGenerator
_ITERABLES: tuple[Any, ...] = (
    _GENERATOR,
    collections.abc.AsyncIterable,
    collections.abc.AsyncIterator,
)


class Twins(Protocol):
    """Which class has which twin."""

    def twin_class(self, kind: type) -> Any:
        """The twin of exactly this class, or None."""


def shown_signature(twins: Twins, async_fn: Any, form: Form | None) -> inspect.Signature | None:
    """The signature of the twin of a callable that hands out this; None if it has none."""
    signature = raw_signature(async_fn)
    if signature is None:
        return None
    sight = _Sight(twins, _names_of(async_fn))
    parameters = [
        one.replace(annotation=sight.taken(one.annotation)) for one in signature.parameters.values()
    ]
    returned = sight.returned(signature.return_annotation, async_fn, form)
    return signature.replace(parameters=parameters, return_annotation=returned)


def annotations_in(signature: inspect.Signature | None) -> dict[str, Any]:
    """The annotations of a function with this signature."""
    if signature is None:
        return {}
    found = {name: one.annotation for name, one in signature.parameters.items()}
    found["return"] = signature.return_annotation
    return {name: said for name, said in found.items() if said is not _EMPTY}


def raw_signature(async_fn: Any) -> inspect.Signature | None:
    """The signature of a callable, or None if it has none."""
    try:
        return signature_of(async_fn)
    except (TypeError, ValueError):
        return None


def _names_of(async_fn: Any) -> Mapping[str, Any]:
    """What names mean where a callable was written."""
    if is_class(async_fn):
        return vars(sys.modules.get(async_fn.__module__, builtins))
    found: Any = getattr(inspect.unwrap(function_behind(async_fn)), "__globals__", None)
    return found or {}


class _Sight:
    """The look of annotations, from the sync side."""

    def __init__(self, twins: Twins, names: Mapping[str, Any]) -> None:
        self._twins = twins
        self._names = _Names(names)
        # What is looked into now: an alias may be in quotes in itself.
        self._within: list[Any] = []

    def taken(self, said: Any) -> Any:
        """The type of an argument: of a hook, a sync one."""
        inside = typing.get_args(said)
        if typing.get_origin(said) is CALLABLE and returned_form(inside[-1]) is Form.AWAITED:
            parameters, returned = inside
            if kind_of(parameters) is list:
                parameters = [self.given(one) for one in parameters]
            return CALLABLE[parameters, self.taken(_awaited(returned))]
        if is_pending(typing.get_origin(said) or said):
            return self.given(said)
        return self._each(said, self.taken)

    def given(self, said: Any) -> Any:
        """The type of a result: of what is async, its sync view."""
        origin: Any = typing.get_origin(said) or said
        if origin in _ITERABLES:
            items, *sent = typing.get_args(said) or (Any,)
            sent = sent or [None if origin is _GENERATOR else Any]
            return _generator[self.given(items), self.taken(sent[0])]
        if origin is AbstractAsyncContextManager:
            return _manager[self.given((typing.get_args(said) or (Any,))[0])]
        if is_pending(origin):
            return _future[self.given((typing.get_args(said) or (Any,))[-1])]
        return self._each(said, self.given)

    def returned(self, said: Any, async_fn: Any, form: Form | None) -> Any:
        """The type of what a call of this form gives."""
        if isinstance(said, str | typing.ForwardRef):
            said = self._evaluated(said)
        if form is Form.AWAITED and not inspect.iscoroutinefunction(
            inspect.unwrap(function_behind(async_fn))
        ):
            said = _awaited(said)
        if form is Form.ENTERED and typing.get_origin(said) in _ITERABLES:
            said = _async_manager[typing.get_args(said)[0]]
        return self.given(said)

    def _each(self, said: Any, change: Callable[[Any], Any]) -> Any:
        """The same, with what `change` makes of each type in its brackets."""
        if isinstance(said, str | typing.ForwardRef):
            found = self._evaluated(said)
            if isinstance(found, str):
                return self._renamed(found)
            if any(found is one for one in self._within):
                return said if isinstance(said, str) else said.__forward_arg__
            self._within.append(found)
            try:
                return change(found)
            finally:
                self._within.pop()
        if kind_of(said) is list:
            return [change(one) for one in said]
        origin: Any = typing.get_origin(said)
        inside: tuple[Any, ...] = typing.get_args(said)
        if origin is typing.Literal or not inside:
            return self._twin(said)
        if hasattr(said, "__metadata__"):
            annotated = (change(inside[0]), *said.__metadata__)
            return _annotated[annotated]
        changed, kind = tuple(map(change, inside)), self._twin(origin)
        return said if kind is origin and changed == inside else _rebuilt(said, kind, changed)

    def _twin(self, said: Any) -> Any:
        return (self._twins.twin_class(said) or said) if is_class(said) else said

    def _evaluated(self, said: Any) -> Any:
        """What an annotation in quotes says; its text, if that cannot be known."""
        text: str = said if isinstance(said, str) else said.__forward_arg__
        try:
            found = eval(text, {}, self._names)  # an annotation of the user's own
        except Exception as error:  # whatever it is: a name for type checkers alone, for example
            raise_a_handlers(error)
            return text
        return found if found is None or not isinstance(found, str) else self._evaluated(found)

    def _renamed(self, text: str) -> str:
        """A text that is not known as a whole, with the names of twins."""
        try:
            return ast.unparse(_Renamed(self).visit(ast.parse(text, mode="eval")))
        except SyntaxError:
            return text

    def twin_name(self, text: str) -> str | None:
        """The name of the twin of the class that an expression gives, if it gives one."""
        found = self._evaluated(text)
        twin = self._twin(found)
        return None if twin is found else twin.__qualname__


class _Renamed(ast.NodeTransformer):
    def __init__(self, sight: _Sight) -> None:
        self._sight = sight

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = self._sight.twin_name(node.id)
        return node if name is None else ast.parse(name, mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = self._sight.twin_name(ast.unparse(node))
        return self.generic_visit(node) if name is None else ast.parse(name, mode="eval").body


class _Names(dict[str, Any]):
    """What names mean in a module, also those that are likely to be imported for checkers alone."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: str) -> Any:
        for names in (self._names, vars(builtins), vars(typing), vars(collections.abc)):
            if name in names:
                return names[name]
        raise NameError(name)


def _awaited(said: Any) -> Any:
    """What awaiting something of this type gives."""
    inside = typing.get_args(said)
    return inside[-1] if inside and returned_form(said) is Form.AWAITED else said


def _rebuilt(said: Any, origin: Any, inside: tuple[Any, ...]) -> Any:
    """An annotation with something else in its brackets."""
    try:
        if origin is CALLABLE:
            return CALLABLE[inside[0], inside[1]]
        if isinstance(said, types.UnionType):
            return functools.reduce(lambda one, other: one | other, inside)
        if origin is typing.Union:
            return _union[inside]  # there is no operator for texts
        if origin is typing.get_origin(said) and hasattr(said, "copy_with"):
            return said.copy_with(inside)
        return origin[inside]
    except TypeError:  # of a union with a text, or of a class that cannot be asked
        return said if kind_of(said) is not types.UnionType else _union[inside]
