"""Replaces the loops that the test modules will create, before those are imported.

The standard classes are replaced wherever a module of asyncio holds them, so that every way to a
loop leads to ours: `new_event_loop`, `run`, `Runner`, `SelectorEventLoop(selector)`, `EventLoop`.
"""

import asyncio
import sys
from asyncio import base_events, selector_events
from enum import Enum
from importlib import import_module
from typing import Any


class Config(str, Enum):
    """Which loops are replaced."""

    STANDARD = "standard"
    """None: the interpreter's own loop, the baseline."""

    LOOPS = "loops"
    """Those that can be run: `asyncio.SelectorEventLoop` and all that leads to it."""

    BASES = "bases"
    """Those, and the bases that the virtual-time loop and the loops of mocks are made from."""


def replace(config: Config, loop: str, core: str) -> None:
    """Replace what `config` says by the classes named `loop` and `core` (as `module:Class`)."""
    match config:
        case Config.STANDARD:
            pass
        case Config.LOOPS:
            _replace_everywhere({asyncio.SelectorEventLoop: load(loop)})
        case Config.BASES:
            _replace_everywhere(_core_based(load(loop), load(core)))


def load(name: str) -> Any:
    """The class that `module:Class` names."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _core_based(loop: Any, core: Any) -> dict[type, type]:
    base = type("CoreBaseEventLoop", (core, base_events.BaseEventLoop), {})
    selector = type(
        "CoreBaseSelectorEventLoop", (base, core, selector_events.BaseSelectorEventLoop), {}
    )
    # Some tests ask whether a loop is an instance of a base, and ours is to say yes.
    runnable = type("CoreSelectorEventLoop", (loop, selector), {})
    return {
        base_events.BaseEventLoop: base,
        selector_events.BaseSelectorEventLoop: selector,
        asyncio.SelectorEventLoop: runnable,
    }


def _replace_everywhere(replacements: dict[type, type]) -> None:
    modules = [m for name, m in sys.modules.items() if f"{name}.".startswith("asyncio.")]
    policies = [value for module in modules for value in vars(module).values() if _makes(value)]
    assert policies, "no policy of asyncio names the loop that it makes"
    for holder in (*modules, *policies):
        for name, value in list(vars(holder).items()):
            if isinstance(value, type) and value in replacements:
                setattr(holder, name, replacements[value])


def _makes(value: object) -> bool:
    """Whether this is a policy's class that holds the loop's class as an attribute."""
    return isinstance(value, type) and isinstance(vars(value).get("_loop_factory"), type)
