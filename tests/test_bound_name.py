"""The name that a statement gives to what it calls, as a twin class gets it."""

import sys
from typing import Any

import pytest

from sideloop._twins.bound_name import bound_name


def note(value: Any = None) -> str | None:
    """What the calling statement is about to bind."""
    return bound_name(sys._getframe(1))


class Module:
    """What a module has found out when its source has run."""

    def __init__(self, *lines: str) -> None:
        names = {"note": note, "pair": lambda *values: values, "__name__": "module"}
        exec("\n".join(lines), names)
        self.found = {key: value for key, value in names.items() if not key.startswith("__")}

    def __getitem__(self, name: str) -> Any:
        return self.found[name]


class TestTheName:
    def test_is_that_of_an_assignment(self) -> None:
        assert Module("Client = note()")["Client"] == "Client"

    def test_is_that_of_an_annotated_assignment(self) -> None:
        assert Module("Client: object = note()")["Client"] == "Client"

    @pytest.mark.parametrize("kind", ["class Client: ...", "def Client(): ..."])
    def test_is_that_of_what_is_decorated(self, kind: str) -> None:
        assert Module("@note", kind)["Client"] == "Client"

    def test_is_that_of_a_global_that_a_function_sets(self) -> None:
        lines = ("def set():", "  global Client", "  Client = note()", "set()")
        assert Module(*lines)["Client"] == "Client"

    def test_is_qualified_in_the_body_of_a_class(self) -> None:
        lines = ("class Outer:", "  class Inner:", "    Client = note()")
        assert Module(*lines)["Outer"].Inner.Client == "Outer.Inner.Client"

    @pytest.mark.parametrize("count", [200, 255, 256, 257, 300, 66_000])
    def test_is_found_behind_any_number_of_others(self, count: int) -> None:
        others = [f"name{n} = 0" for n in range(count)]
        module = Module(*others, "Client = note()", "Other = note()")
        assert [module["Client"], module["Other"]] == ["Client", "Other"]

    def test_is_found_while_something_traces(self) -> None:
        before = sys.gettrace()
        sys.settrace(lambda *_: lambda *_: None)
        try:
            assert Module("Client = note()")["Client"] == "Client"
        finally:
            sys.settrace(before)

    def test_is_found_again_and_again_in_a_loop(self) -> None:
        lines = ("found = []", "for n in range(100):", "  Client = note()", "  found += [Client]")
        assert Module(*lines)["found"] == ["Client"] * 100


class TestThereIsNone:
    @pytest.mark.parametrize(
        "line",
        [
            "Client = pair(note())[0]",
            "Client = note() or None",
            "Client = [note()][0]",
            "note.Client = Client = note()",
            "note()",
        ],
    )
    def test_where_something_else_is_done_first(self, line: str) -> None:
        assert Module("Client = None", line)["Client"] is None

    def test_of_a_local(self) -> None:
        lines = ("def make():", "  Client = note()", "  return Client", "Found = pair(make())[0]")
        assert Module(*lines)["Found"] is None

    def test_of_a_class_in_a_function(self) -> None:
        lines = ("def make():", "  class Outer:", "    Client = note()", "  return Outer.Client")
        assert Module(*lines, "Found = pair(make())[0]")["Found"] is None
