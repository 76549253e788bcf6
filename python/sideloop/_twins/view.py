"""The view: what sync code gets of an attribute of async code, and where an object lives."""

import functools
from typing import Any

from sideloop._twins.form import form_of
from sideloop._twins.function import TWINS, is_twin_function, living_at
from sideloop._twins.given import user_of
from sideloop._twins.hanging import hanging
from sideloop._twins.known import RESIDENT
from sideloop._twins.translate import is_container, is_plain, kind_of, original_of, own_of
from sideloop._twins.translator import Resident


def resident_of(twin: Any) -> Resident:
    """Who translates for an object, and calls where it lives."""
    found: Resident | None = own_of(twin).get(RESIDENT)
    if found is not None:
        return found
    # One that no call has made, but a pickle, say. It lives where it is used first.
    original = original_of(twin)
    translator = twin.__sideloop__.translator
    settled = translator.known.place(original)
    if settled is None:
        settled = translator.known.settle(original, translator.here(kind_of(original)))
    settled = settled.as_for(type(twin))
    resident: Resident = twin.__dict__.setdefault(RESIDENT, settled)
    return resident


def view(twin: Any, owner: Any, value: Any) -> Any:
    """The sync view of an attribute's value, which may be an async function."""
    if is_plain(value):
        return value
    translator = owner.__sideloop__.translator if twin is None else resident_of(twin)
    if (found := translator.known.found_twin(value)) is not None:
        return found
    if (given := user_of(value)) is not value:
        return given
    if is_twin_function(value):
        return living_at(value, translator)  # the original's own body has a twin
    if is_container(value) or isinstance(value, type):
        return translator.out(value)
    is_function = hasattr(value, "__code__") or hasattr(value, "__func__")
    form = form_of(value) if is_function or kind_of(value) is functools.partial else None
    if form is not None:
        return TWINS[form](translator, value)
    if twin is None:
        return translator.out(value)
    return hanging(translator, original_of(twin), value)
