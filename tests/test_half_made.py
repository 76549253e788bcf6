"""Objects that a signal handler's exception has left half made: they are collected in silence."""

import gc
import importlib
import itertools
import pkgutil
import sys
import weakref
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import Any

import pytest

import sideloop
import sideloop._sideloop as native
from sideloop import EventLoop
from sideloop._sideloop import Host, Items, Router, forget_weak
from sideloop._views.generator import SyncGenerator
from sideloop._views.host import attend


def classes() -> list[type]:
    """All of the package whose objects do something when they are collected."""
    found: set[type] = set()
    for module in pkgutil.walk_packages(sideloop.__path__, "sideloop."):
        # Where mypy cannot be had, what is written with it is not loaded.
        known = find_spec("mypy") or not module.name.startswith("sideloop._stubs.")
        if known and not module.name.endswith("__main__"):
            found |= set(filter(_finalizes, vars(importlib.import_module(module.name)).values()))
    return sorted(found, key=lambda kind: kind.__qualname__)


def _finalizes(kind: Any) -> bool:
    return (
        isinstance(kind, type)
        and kind.__module__.startswith("sideloop")
        and (hasattr(kind, "__del__") or issubclass(kind, weakref.ref))
    )


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: said.append(repr(one.exc_value)))
    return said


def half_made(kind: type) -> object:
    """What there is of it when its constructor has not run, or was left at its begin."""
    if issubclass(kind, SyncGenerator):
        return Items.__new__(kind, _host(), _nothing)
    if any(base.__module__ == native.__name__ for base in kind.__bases__):
        # Python makes no object of a class of two natures but by calling it.
        return type(kind.__name__, (kind,), {"__init__": lambda *_: None})()
    return kind.__new__(kind)


def _host() -> Host:
    return Host(Router(object(), _nothing), _nothing, attend, _nothing)


def _nothing(*_: object) -> Any:
    raise AssertionError("nothing of it is called")


def _is_left(make: Callable[[], EventLoop], number: int) -> bool:
    """Raise what a signal handler would, at a line of this number. False if there is none."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        # What is being closed is. Logging, which asyncio asks, would be left with its lock held.
        package = frame.f_globals["__name__"].partition(".")[0]
        if package not in ("sideloop", "asyncio") or frame.f_code.co_name in ("close", "__del__"):
            return None
        if event in ("call", "line") and next(lines) == number:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        made = make()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    made.close()
    return False


FINALIZED = [kind for kind in classes() if not issubclass(kind, weakref.ref)]
REFERENCES = [kind for kind in classes() if issubclass(kind, weakref.ref)]


def test_there_are_some() -> None:
    names = {kind.__name__ for kind in (*FINALIZED, *REFERENCES)}
    assert {"SyncGenerator", "MapIterator", "Home", "Owner", "EventLoop", "_Keyed"} <= names


class TestAnObjectThatIsHalfMade:
    @pytest.mark.parametrize("kind", FINALIZED, ids=lambda kind: kind.__name__)
    def test_is_collected_in_silence(self, kind: type, unraisable: list[str]) -> None:
        half_made(kind)
        gc.collect()
        assert unraisable == []

    def test_is_a_loop_that_is_closed_wherever_that_was(self, unraisable: list[str]) -> None:
        left = 0
        while _is_left(EventLoop, left):
            left += 1
        gc.collect()
        assert left > 30
        assert unraisable == []

    @pytest.mark.parametrize("kind", REFERENCES, ids=lambda kind: kind.__name__)
    def test_is_forgotten_in_silence(self, kind: Any, unraisable: list[str]) -> None:
        class Object:
            pass

        table: dict[int, Any] = {}
        found = Object()
        reference = kind(found, partial(forget_weak, table))
        del found
        gc.collect()
        assert reference() is None
        assert unraisable == []
