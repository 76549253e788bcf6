"""The contract of the Python face: its contexts are run, its promises have tests and a page."""

import ast
import re
import sys
from pathlib import Path
from typing import Any

import programs
import promises
import pytest

TESTS = Path(__file__).parent

CONTEXTS: list[dict[str, Any]] = promises.CONTRACT["context"]

PROMISES: list[dict[str, Any]] = [
    promise for section in promises.CONTRACT["section"] for promise in section["promise"]
]


def expected(context: dict[str, Any], kind: str) -> list[str]:
    """What the calls come to with this kind of loop on this interpreter."""
    found = {**context, **_exception(context, kind)}
    return [str(found[when]) for when in ("outcome", "afterwards") if when in found]


def _exception(context: dict[str, Any], kind: str) -> dict[str, Any]:
    for exception in context.get("except", []):
        since, until = exception.get("since", "3.0"), exception.get("until", "3.99")
        if exception.get("kind", kind) == kind and _version(since) <= sys.version_info[
            :2
        ] <= _version(until):
            return dict(exception)
    return {}


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def names_of_tests() -> set[str]:
    """`file::Class`, `file::Class::test` and `file::test`, as pytest writes them."""
    found: set[str] = set()
    for path in TESTS.glob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.add(f"{path.name}::{node.name}")
            if isinstance(node, ast.ClassDef):
                found.add(f"{path.name}::{node.name}")
                tests = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                found.update(f"{path.name}::{node.name}::{test.name}" for test in tests)
    return found


def reduced_numbers(name: str) -> set[int]:
    """How often a test, or those of a class, do something where `programs.FULL` is not set."""
    file, *path = name.split("::")
    found: Any = ast.parse((TESTS / file).read_text("utf-8"))
    module = found
    for part in path:
        found = next(node for node in found.body if getattr(node, "name", "") == part)
    calls = [node for node in ast.walk(found) if isinstance(node, ast.Call)]
    if file == "test_state_machine.py":  # which counts outside of its test
        calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    return {
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "count" and call.keywords
    }


class TestACall:
    @pytest.mark.parametrize("kind", ["native", "uvloop", "caller"])
    @pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context["place"])
    def test_by_each_caller_comes_to_what_the_contract_says(
        self, context: dict[str, Any], kind: str
    ) -> None:
        for module in ["uvloop"] * (kind == "uvloop") + ["gevent"] * ("gevent" in context["place"]):
            pytest.importorskip(module)
        ended = programs.run("contexts", context["place"], kind)
        assert ended.lines == expected(context, kind), ended
        assert (ended.code, ended.stderr) == (0, "")


class TestThePromises:
    def test_each_have_tests_that_keep_them(self) -> None:
        named = {test for promise in PROMISES for test in promise["kept_by"]}
        assert all(promise["kept_by"] for promise in PROMISES)
        assert named - names_of_tests() == set()

    def test_say_so_where_make_test_does_less_than_they_say(self) -> None:
        for promise in PROMISES:
            done = {number for test in promise["kept_by"] for number in reduced_numbers(test)}
            said = {
                int(word)
                for word in re.findall(r"\d+", promise.get("make_test", "").replace(",", ""))
            }
            assert done <= said, promise["case"]

    def test_are_those_of_the_page(self) -> None:
        assert promises.PAGE.read_text("utf-8") == promises.page(), "run scripts/promises"
