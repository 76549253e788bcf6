"""A library: how its bridge is called, with the drop-in and without it."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

Call = Callable[..., Any]
"""Of an async function and its arguments."""

OURS, THEIRS = "ours", "theirs"


def at_once(ask: Callable[[], Any]) -> Any:
    """Call it here."""
    return ask()


@dataclass(frozen=True)
class Library:
    """One bridge of a library.

    `open` gives what calls through it, as users of the library do. `setting` is where it calls from
    if that is not just sync code.
    """

    name: str
    distribution: str
    drop_in: str
    open: Callable[[], AbstractContextManager[Call]]
    setting: Callable[[Callable[[], Any]], Any] = at_once
    environment: str = ".venv-bridges"


class Bridge:
    """A library's bridge in this process. What it needs is opened by the first call."""

    def __init__(self, library: Library, whose: str) -> None:
        if whose == OURS:
            importlib.import_module(f"sideloop.compat.{library.drop_in}").install()
        self.library = library
        self.opened = ExitStack()
        self._call: Call | None = None

    @property
    def bare(self) -> Call:
        """What calls through it, to be called in the library's setting."""
        if self._call is None:
            self._call = self.opened.enter_context(self.library.open())
        return self._call

    def call(self, async_fn: Callable[..., Any], *args: Any) -> Any:
        """Call an async function through it."""
        call = self.bare
        return self.library.setting(lambda: call(async_fn, *args))
