"""Handed: async functions in what async code hands out, as handlers in a dictionary."""

from typing import Any

from sideloop._twins.form import Form, form_of
from sideloop._twins.function import TWINS, SyncFunction
from sideloop._twins.given import user_of
from sideloop._twins.translate import ORIGINAL, Translated
from sideloop._twins.translator import Translator


def _handed(kind: type[SyncFunction]) -> Any:
    """The class of those that async code gets back as what it has handed out."""
    return type(kind.__name__, (kind, Translated), {})


_KINDS: dict[Form, Any] = {form: _handed(kind) for form, kind in TWINS.items() if form is not None}


def handed(translator: Translator, function: Any) -> Any:
    """The sync view of a function: the twin of an async one, the user's own of a face."""
    if (given := user_of(function)) is not function:
        return given
    form = form_of(function)
    if form is None:
        return function
    twin = _KINDS[form](translator, function)
    twin.__dict__[ORIGINAL] = function
    return twin
