"""What a class is, and what only looks like one."""

import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def is_class(value: object) -> "TypeIs[type[Any]]":
    """Whether it is a class. On CPython 3.10 `list[int]` passes for an instance of `type`."""
    return isinstance(value, type) and not isinstance(value, types.GenericAlias)
