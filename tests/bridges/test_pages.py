"""The pages of docs/move-in: the example of each runs."""

import re
from pathlib import Path

import pytest
from process import run

FOLDER = Path(__file__).parents[2] / "docs" / "move-in"

PAGES = sorted(page.stem for page in FOLDER.glob("*.md"))

ELSEWHERE = ["flytekit"]
"""In tests/peers, where it is installed."""


def example(page: str) -> str:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_the_example_of(page: str) -> None:
    if page == "zarr":
        pytest.importorskip("zarr", reason="is for CPython 3.11 and later")
    assert run(example(page)) == []
