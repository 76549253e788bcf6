"""Annotations that are looked at for hooks, and are odd."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Union

import pytest

from sideloop import synced

Handler = Callable[[int], Awaitable[str]]

# Aliases that mention themselves, and each other, in quotes; as pydantic has one.
# ruff: noqa: UP007  # there is no operator for what is in quotes
Tree = dict[str, Union["Tree", Handler]]
_Include = Union["Include", bool]
Include = Union[set[int], Mapping[int, _Include], Mapping[str, _Include]]
One = Union[list["Other"], Handler]
Other = Union[list["One"], Mapping[str, "One"], Mapping[int, "Other"]]


@synced
class Feed:
    async def tree(self, tree: Tree) -> list[str]:
        return [await handler(1) for handler in tree.values() if callable(handler)]

    async def include(self, include: Include | None = None, exclude: Include | None = None) -> Any:
        return include or exclude

    async def each(self, one: One, other: Other) -> Any:
        return one, other


@pytest.mark.timeout(20)
class TestAnAliasThatMentionsItself:
    def test_is_looked_at_once(self) -> None:
        assert Feed().include({1}) == {1}
        assert Feed().each([], []) == ([], [])

    def test_has_its_hooks_found_where_it_is_not_itself(self) -> None:
        assert Feed().tree({"a": str}) == ["1"]
