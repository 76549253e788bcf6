"""What sync code gets back of a callable that it has given to async code: its own."""

import types
from typing import Any

HOOK = "__sideloop_hook__"
"""The attribute of a face that holds the user's callable."""


def user_of(value: Any) -> Any:
    """The user's callable, of its face; anything else as it is."""
    if type(value) is types.FunctionType:
        return vars(value).get(HOOK, value)
    return value
