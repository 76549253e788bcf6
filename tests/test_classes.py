"""What passes for a class."""

import collections.abc
import typing
from typing import Any

import pytest

from sideloop._base.classes import is_class


@pytest.mark.parametrize("value", [int, type, typing.Generic, collections.abc.Callable])
def test_a_class_is_one(value: Any) -> None:
    assert is_class(value)


@pytest.mark.parametrize(
    "value",
    [list[int], collections.abc.Callable[[int], str], typing.List[int], int | None, "int", None],  # noqa: UP006
)
def test_what_only_names_one_is_none(value: Any) -> None:
    assert not is_class(value)
