"""Interpreters of one process: the first that imports sideloop has it, and the others are told."""

import importlib
import sys
from typing import Any

import programs
import pytest

import sideloop

isolated = pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="locks of their own are new in CPython 3.12",
)


def told(*names: str) -> list[str]:
    ended = programs.run("subinterpreters", *names, flags=())
    assert (ended.code, ended.stderr) == (0, "")
    return ended.lines


class TestAnotherInterpreter:
    def test_is_refused_after_the_main_one_and_told_what_to_use(self) -> None:
        used, refused, again = told("main", "shared", "main")
        assert (used, again) == ("main 22", "main 22")
        assert "sideloop serves one interpreter of a process" in refused
        assert "use a thread of that one, or a process" in refused

    def test_may_be_the_one_that_is_served(self) -> None:
        used, *refused = told("shared", "shared", "main")
        assert used == "shared 22"
        assert len(refused) == 2
        assert all("sideloop serves one interpreter of a process" in line for line in refused)

    @isolated
    def test_with_a_lock_of_its_own_is_refused_also_as_the_first(self) -> None:
        first, used, again = told("isolated", "main", "isolated")
        assert first == again
        assert "sideloop._sideloop does not support loading in subinterpreters" in first
        assert used == "main 22"


async def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in CPython 3.14")
class TestAPoolOfInterpreters:
    def test_tells_whoever_waits_that_they_cannot_import_it(self) -> None:
        library: Any = importlib.import_module("concurrent.futures")
        assert sideloop.run_sync(add, 10, b=12) == 22
        with library.InterpreterPoolExecutor(1) as pool:
            future = pool.submit(importlib.import_module, "sideloop")
            with pytest.raises(Exception, match="does not support loading in subinterpreters"):
                future.result(programs.TIME_LIMIT)
        assert sideloop.run_sync(add, 10, b=12) == 22
