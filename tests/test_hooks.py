"""Hooks of the user's that raise, each at each entry.

The cells are those of hooks/; programs/hook_cells.py makes them.
"""

import programs
import pytest
from hooks.known import KNOWN
from hooks.table import HOOKS

CELLS = [(hook, entry) for hook in HOOKS for entry in HOOKS[hook].entries]


class TestAHookThatRaises:
    @pytest.mark.parametrize(("hook", "entry"), CELLS, ids=[" at ".join(cell) for cell in CELLS])
    def test_harms_only_the_call_that_it_belongs_to(self, hook: str, entry: str) -> None:
        known = [why for begin, why in KNOWN.items() if f"{hook} at {entry}".startswith(begin)]
        how = ["known"] if known else []
        ended = programs.run("hook_cells", hook, entry, *how, flags=(), limit=60)
        assert ended.code == 0, ended
        assert ended.lines
        wrong = [line for line in ended.lines if not line.endswith(": right")]
        assert bool(wrong) == bool(known), wrong or f"right by now: {known}"
