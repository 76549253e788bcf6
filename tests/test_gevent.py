"""gevent: a process that it has patched gets a clear error.

Real ones are among the contexts of `contract/python.toml`.
"""

import sys
from types import SimpleNamespace

import pytest

from sideloop import LoopManager


async def answer() -> int:
    return 42


def patch(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkey = SimpleNamespace(is_module_patched=lambda name: name in names)
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)  # type: ignore[arg-type]


class TestAProcessThatGeventHasPatched:
    @pytest.mark.parametrize("patched", ["threading", "select"])
    def test_is_refused_with_what_to_patch_instead(
        self, manager: LoopManager, monkeypatch: pytest.MonkeyPatch, patched: str
    ) -> None:
        patch(monkeypatch, patched)
        with pytest.raises(RuntimeError, match=f"gevent has patched {patched},.*thread=False"):
            manager.run_sync(answer)

    def test_is_served_if_nothing_that_loops_need_is_patched(
        self, manager: LoopManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patch(monkeypatch, "socket", "ssl")
        assert manager.run_sync(answer) == 42
