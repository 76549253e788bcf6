"""Many twins in one module: each costs as much as the first, however many there are."""

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from steps import uncollected

HEAD = ["import sideloop", "manager = sideloop.LoopManager()", "synced = manager.synced"]


def assigned(count: int) -> list[str]:
    """`Client = synced(AsyncClient)`."""
    return [
        line
        for n in range(count)
        for line in (f"class A{n}:", "  async def f(self): ...", f"T{n} = synced(A{n})")
    ]


def decorated(count: int) -> list[str]:
    return [
        line
        for n in range(count)
        for line in ("@synced", f"class T{n}:", "  async def f(self): ...")
    ]


def derived(count: int) -> list[str]:
    """All from one base, whose twin is theirs."""
    return [
        "class Base:",
        "  async def f(self): ...",
        "TBase = synced(Base)",
        *(
            line
            for n in range(count)
            for line in (f"class A{n}(Base):", "  async def g(self): ...", f"T{n} = synced(A{n})")
        ),
    ]


def in_a_class(count: int) -> list[str]:
    return ["class Outer:", *(f"  {line}" for line in assigned(count))]


def functions(count: int) -> list[str]:
    return [
        line for n in range(count) for line in ("@synced", f"async def t{n}(x: int) -> int: ...")
    ]


def module(count: int) -> list[str]:
    """The twin of another module, with `__all__`."""
    names = [f"A{n}" for n in range(count)]
    return [
        "import types",
        "own = types.ModuleType('own')",
        f"own.__all__ = {names!r}",
        *(line for n in range(count) for line in (f"class A{n}:", "  async def f(self): ...")),
        "for name in own.__all__:",
        "  kind = globals()[name]",
        "  kind.__module__ = 'own'",
        "  setattr(own, name, kind)",
        "twin = synced(own)",
    ]


Shape = Callable[[int], list[str]]

SHAPES: list[Shape] = [assigned, decorated, derived, in_a_class, functions, module]


def importing(shape: Shape, count: int) -> Callable[[], None]:
    """What an import of a module with so many twins does when its source is compiled."""
    code = compile("\n".join([*HEAD, *shape(count)]), "many", "exec")
    return lambda: exec(code, {"__name__": "many"})


def lines_run(do: Callable[[], None]) -> int:
    """How many lines of Python it runs, in whichever function."""
    found = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal found
        found += event == "line"
        return trace

    before = sys.gettrace()
    with uncollected():
        sys.settrace(trace)
        try:
            do()
        finally:
            sys.settrace(before)
    return found


def seconds(do: Callable[[], None]) -> float:
    """Of this thread's own: the machine may be busy. And none for what others have left behind."""
    with uncollected():
        begin = time.thread_time()
        do()
        return time.thread_time() - begin


class TestTheImport:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_runs_four_times_as_many_lines_for_four_times_as_many_twins(self, shape: Shape) -> None:
        importing(shape, 5)()  # what is done once is not counted
        few, many = (lines_run(importing(shape, count)) for count in (50, 200))
        assert many < 4.1 * few

    @pytest.mark.parametrize("shape", SHAPES)
    def test_takes_about_four_times_as_long_for_four_times_as_many_twins(
        self, shape: Shape
    ) -> None:
        importing(shape, 5)()
        few, many = (min(seconds(importing(shape, count)) for _ in range(3)) for count in (50, 200))
        assert many < 8 * few
