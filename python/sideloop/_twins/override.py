"""The override: an attribute of an original's class that runs what a sync user has written instead.

Async code calls it as it would call its own, so it has the form of what it overrides. It finds the
user's by the object's class when it is called: that may have been overridden again, or patched.
"""

import contextlib
import functools
import types
from typing import Any

from sideloop._base.signature import signature_of
from sideloop._twins.behind import OverrideProperty, super_of
from sideloop._twins.entering import entering_face, exiting_face
from sideloop._twins.face import Called, Find, face_of
from sideloop._twins.form import Form, form_behind, is_function
from sideloop._twins.function import is_twin_function
from sideloop._twins.static import is_async, is_special
from sideloop._twins.translate import kind_of
from sideloop._twins.translator import Translator
from sideloop._twins.view import resident_of

_ENTERED = {"__aenter__": entering_face, "__aexit__": exiting_face}


def override(owner: Any, name: str, static: Any, replaced: Any, async_name: str) -> Any:
    """What the original of `owner` gets for its attribute `name`.

    `replaced` is the attribute that it has without that, or None.
    """
    if _is_property(static, replaced):
        return _property(owner, name, static, replaced)
    find = _finder(owner, name, static)
    form = _form(name, async_name, static, replaced)
    if async_name == "__anext__":
        find = _next_of(find)
    make = _ENTERED.get(async_name) if form is Form.AWAITED else None
    face = face_of(form, find) if make is None else make(find, _finder(owner, "__exit__", static))
    _look_like(face, static, owner, async_name)
    if isinstance(static, classmethod):
        return classmethod(face)
    return staticmethod(face) if _is_unbound(name, static) else face


def _is_property(static: Any, replaced: Any) -> bool:
    """Whether an attribute is asked, and not called; a mock of one can be called besides."""
    if isinstance(replaced, property):
        return not is_function(static) and hasattr(kind_of(static), "__get__")
    return not (callable(static) or is_function(static) or is_function(replaced))


def is_value(static: Any, replaced: Any) -> bool:
    """Whether an attribute is a value: nothing that is asked, or called, for an object."""
    if isinstance(static, type):
        return True
    if hasattr(kind_of(static), "__get__"):
        return False
    return not (callable(static) and (is_function(replaced) or isinstance(replaced, property)))


def twin_of(owner: Any, inside: Any) -> Any:
    """The twin of an object of an original of `owner`."""
    translator: Translator = owner.__sideloop__.translator
    known = translator.known
    found = known.found_twin(inside)
    if found is not None:
        return found
    # Made by async code, so it lives where that runs.
    place: Translator = known.place(inside) or translator.running()
    return place.twin(inside, known.nearest_class(kind_of(inside)) or owner)


def _finder(owner: Any, name: str, static: Any) -> Find:
    translator: Translator = owner.__sideloop__.translator

    def find_of_object(args: tuple[Any, ...]) -> Called:
        twin = twin_of(owner, args[0])
        return Called(resident_of(twin), found_by(owner, kind_of(twin), twin, name), args[1:])

    def find_of_class(args: tuple[Any, ...]) -> Called:
        kind = translator.known.nearest_class(args[0]) or owner
        return Called(translator.running(), found_by(owner, kind, kind, name), args[1:])

    def find_of_none(args: tuple[Any, ...]) -> Called:
        return Called(translator.running(), getattr(owner, name), args)

    if isinstance(static, classmethod):
        return find_of_class
    return find_of_none if _is_unbound(name, static) else find_of_object


def _is_unbound(name: str, static: Any) -> bool:
    """Whether an attribute is not bound to what it is asked of, as static methods and mocks."""
    if isinstance(static, staticmethod):
        return True
    return not is_special(name) and not hasattr(kind_of(static), "__get__")


def found_by(owner: Any, kind: Any, inside: Any, name: str) -> Any:
    """The attribute of a twin or its class, as `owner` has it."""
    if owner is kind:
        return getattr(inside, name)
    return getattr(super_of(kind, owner, inside), name)


def _next_of(find: Find) -> Find:
    def find_next(args: tuple[Any, ...]) -> Called:
        translator, sync_fn, args = find(args)

        def step() -> Any:
            try:
                return sync_fn()
            except StopIteration:
                raise StopAsyncIteration from None

        return Called(translator, step, args)

    return find_next


def _form(name: str, async_name: str, static: Any, replaced: Any) -> Form | None:
    if name != async_name:
        return Form.ITERATED if async_name == "__aiter__" else Form.AWAITED
    if is_twin_function(replaced):
        replaced = replaced.aio  # the original's own body has a twin
    if is_function(replaced):
        return form_behind(replaced)
    if is_special(name):
        return form_behind(static)
    # Async code that looks for what its class does not have would await that.
    return form_behind(static) or Form.AWAITED


def _property(owner: Any, name: str, static: Any, replaced: Any) -> property:
    def of(args: tuple[Any, ...]) -> Called:
        twin = twin_of(owner, args[0])
        return Called(
            resident_of(twin),
            functools.partial(found_by, owner, kind_of(twin), twin, name),
            args[1:],
        )

    def set_(inside: Any, value: Any) -> None:
        twin = twin_of(owner, inside)
        setattr(twin, name, resident_of(twin).out(value))

    def delete(inside: Any) -> None:
        delattr(twin_of(owner, inside), name)

    is_awaited = isinstance(replaced, property) and is_async(replaced)
    get = face_of(Form.AWAITED if is_awaited else None, of)
    return OverrideProperty(
        get,
        set_ if hasattr(static, "__set__") else None,
        delete if hasattr(static, "__delete__") else None,
    )


def _look_like(face: Any, static: Any, owner: Any, name: str) -> None:
    function = getattr(static, "__func__", static)
    face.__sideloop_override__ = True
    face.__module__ = owner.__module__
    face.__name__, face.__qualname__ = name, f"{owner.__qualname__}.{name}"
    face.__doc__ = getattr(function, "__doc__", None)
    if getattr(static, "__isabstractmethod__", False):
        face.__isabstractmethod__ = True
    if isinstance(function, types.FunctionType):
        with contextlib.suppress(TypeError, ValueError):
            face.__signature__ = signature_of(function)
