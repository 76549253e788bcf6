"""The reference: every public name is on a page of it."""

import re
from pathlib import Path

import sideloop
from sideloop import testing

PAGES = Path(__file__).parents[1] / "docs" / "reference"
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md")))

DEFAULT_MANAGERS = ("enter", "iterate", "map", "run_sync", "synced")
"""What is documented as a method of managers, under the name that the module gives it."""


class TestTheReference:
    def test_has_every_public_name(self) -> None:
        shown = set(re.findall(r"^::: sideloop\.(\w+)$", TEXT, re.MULTILINE))
        headed = set(re.findall(r"heading: sideloop\.(\w+)", TEXT))
        assert headed == set(DEFAULT_MANAGERS)
        assert shown | headed == {*sideloop.__all__, "map", "testing"}

    def test_has_every_fixture(self) -> None:
        fixtures = {name for name in vars(testing) if name.startswith("sideloop_")}
        found = re.search(r"members: \[(.*)\]", TEXT)
        assert found is not None
        assert set(found[1].split(", ")) == fixtures

    def test_lists_every_name_on_its_first_page(self) -> None:
        first = (PAGES / "index.md").read_text(encoding="utf-8")
        for name in (*sideloop.__all__, "map"):
            assert f"`{name}`" in first
