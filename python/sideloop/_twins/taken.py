"""Taken: what async code gets of what sync code has passed to it or set on it."""

from typing import Any

from sideloop._twins.translate import into


def taken_value(twin: Any, name: str, value: Any) -> Any:  # noqa: ARG001
    """What is set on an object."""
    return into(value)
