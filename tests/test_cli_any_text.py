"""The command line's conversion of any text: a value of the type, or an error that says why."""

import inspect
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pydantic")

from sideloop._cli.arguments import bind
from sideloop._cli.convert import ConvertError, convert
from sideloop._cli.errors import UsageError
from sideloop._cli.target import Target

TYPES: list[Any] = [
    int,
    float,
    bool,
    str,
    bytes,
    None,
    list[int],
    set[str],
    tuple[int, str],
    dict[str, float],
    int | None,
    list[int] | str,
]

TEXTS = st.one_of(
    st.text(),
    st.from_regex(r"[-+]?[0-9_.eE]{1,9}", fullmatch=True),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps),
)

VALUES: list[tuple[Any, st.SearchStrategy[Any], Callable[[Any], str]]] = [
    (int, st.integers(-(2**63), 2**63), str),
    (float, st.floats(allow_nan=False), repr),
    (bool, st.booleans(), str),
    (str, st.text(), str),
    (list[int], st.lists(st.integers(-(2**63), 2**63)), json.dumps),
    (dict[str, int], st.dictionaries(st.text(), st.integers(-(2**63), 2**63)), json.dumps),
    (int | None, st.none() | st.integers(-(2**63), 2**63), str),
]


async def anything(a: int, b: float = 0.0, *more: str, c: bool = False, **rest: list[int]) -> None:
    """A function with a parameter of each kind."""


def fits(value: Any, annotation: Any) -> bool:
    """Whether pydantic would take the value as it is."""
    from pydantic import TypeAdapter

    checked = TypeAdapter(annotation).validate_python(value, strict=True)
    return bool(checked == value or (isinstance(value, float) and math.isnan(value)))


class TestConvert:
    @settings(deadline=None)
    @given(text=TEXTS, annotation=st.sampled_from(TYPES))
    def test_makes_of_any_text_a_value_of_the_type_or_says_why_not(
        self, text: str, annotation: Any
    ) -> None:
        try:
            value = convert(text, annotation, anything)
        except ConvertError as error:
            assert str(error)  # noqa: PT017  # either may be, for any text
        else:
            assert fits(value, annotation)

    @settings(deadline=None)
    @given(data=st.data(), which=st.sampled_from(range(len(VALUES))))
    def test_makes_the_value_that_was_written(self, data: st.DataObject, which: int) -> None:
        annotation, values, write = VALUES[which]
        value = data.draw(values)
        assert convert(write(value), annotation, anything) == value


class TestBind:
    @settings(deadline=None)
    @given(
        texts=st.lists(
            TEXTS | st.tuples(st.sampled_from(["a", "b", "c", "d", ""]), TEXTS).map("=".join),
            max_size=6,
        ),
        positional=st.lists(TEXTS, max_size=3),
    )
    def test_gives_what_the_function_can_be_called_with_or_says_how_to_write_it(
        self, texts: list[str], positional: list[str]
    ) -> None:
        target = Target("module:anything", anything)
        try:
            arguments = bind(target, texts, positional)
        except UsageError as error:
            assert "anything" in str(error)  # noqa: PT017  # as above
        else:
            inspect.signature(anything).bind(*arguments.args, **arguments.kwargs)
