"""Taken: what async code gets of what sync code has set on its object."""

from typing import Any

from sideloop._twins.hooks import hook_of, want_of_attribute
from sideloop._twins.translate import into, is_plain, kind_of, original_of
from sideloop._twins.view import resident_of
from sideloop._twins.want import satisfied


def taken_value(twin: Any, name: str, value: Any) -> Any:
    """What is set on an object: of a sync callable where an async one is wanted, that."""
    if is_plain(value):
        return value
    if callable(value) or isinstance(value, list | tuple | set | dict):
        original = original_of(twin)
        now = getattr(original, "__dict__", {}).get(name)
        want = want_of_attribute(kind_of(original), name, now)
        if want is not None:
            resident = resident_of(twin)
            value = satisfied(want, value, lambda form, one: hook_of(resident, form, one))
    return into(value)
