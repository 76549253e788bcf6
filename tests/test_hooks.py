"""Hooks of the user's that raise, each at each entry.

The cells are those of hooks/; programs/hook_cells.py makes them, those of a hook in one process.
"""

import programs
import pytest
from hooks.known import why_not
from hooks.table import HOOKS

RIGHT = {
    hook: [entry for entry in HOOKS[hook].entries if why_not(hook, entry) is None] for hook in HOOKS
}

KNOWN = [(hook, entry) for hook in HOOKS for entry in HOOKS[hook].entries if why_not(hook, entry)]


def wrong_cells(*args: str) -> list[str]:
    ended = programs.run("hook_cells", *args, flags=(), limit=60)
    assert ended.code == 0, ended
    assert ended.lines
    return [line for line in ended.lines if not line.endswith(": right")]


class TestAHookThatRaises:
    @pytest.mark.parametrize("hook", [hook for hook, entries in RIGHT.items() if entries])
    def test_harms_only_the_call_that_it_belongs_to(self, hook: str) -> None:
        assert wrong_cells(hook, *RIGHT[hook]) == []

    @pytest.mark.parametrize(("hook", "entry"), KNOWN, ids=[" at ".join(cell) for cell in KNOWN])
    def test_is_still_known_to_harm_more(self, hook: str, entry: str) -> None:
        assert wrong_cells(hook, entry, "known"), f"right by now: {why_not(hook, entry)}"
