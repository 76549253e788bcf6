"""The reference: every public name is on a page of it."""

import inspect
import pkgutil
import re
from pathlib import Path
from types import FunctionType

import pytest

import sideloop
from sideloop import LoopManager, Runner, compat, testing
from sideloop._runners.options import GRACE, SLOW_CALL_WARNING

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

    def test_has_every_drop_in(self) -> None:
        modules = {module.name for module in pkgutil.iter_modules(compat.__path__)}
        shown = re.findall(r"^::: sideloop\.compat\.(\w+)$", TEXT, re.MULTILINE)
        assert shown == sorted(name for name in modules if not name.startswith("_"))

    def test_lists_every_name_on_its_first_page(self) -> None:
        first = (PAGES / "index.md").read_text(encoding="utf-8")
        for name in (*sideloop.__all__, "map"):
            assert f"`{name}`" in first


WITHOUT = ("AsyncOriginal", "NestingError", "Statistics", "RunnerStatistics", "CallStatistics")
"""A type for checkers, an error that takes 128 calls to show, and what `statistics` returns."""

ELSEWHERE = ("DeadlockError", "Runner.iterate", "Runner.enter", "LoopManager.runners")
"""What refers to another one, or is in the example of another one: `DeadlockError.graph`, say."""

SHOWN = {
    **{name: getattr(sideloop, name) for name in (*sideloop.__all__, "map")},
    **{
        f"{owner.__name__}.{name}": member
        for owner in (LoopManager, Runner)
        for name, member in vars(owner).items()
        if isinstance(member, FunctionType) and not name.startswith("_")
    },
}


class TestADocstring:
    @pytest.mark.parametrize("name", sorted(set(SHOWN) - {*WITHOUT, *ELSEWHERE}))
    def test_has_an_example(self, name: str) -> None:
        assert ">>> " in (inspect.getdoc(SHOWN[name]) or "")

    @pytest.mark.parametrize("owner", [LoopManager, Runner])
    def test_says_what_is_so_unless_told(self, owner: type) -> None:
        told = re.findall(
            r"(\w+): .*how many seconds, (\d+) unless told", owner.__doc__ or "", re.I
        )
        assert told == [("grace", f"{GRACE:g}"), ("slow_call_warning", f"{SLOW_CALL_WARNING:g}")]
