"""Loops of somebody's own class, with one method that raises when it is armed."""

import asyncio
import enum
from collections.abc import Callable
from typing import Any

import sideloop

NAMES = ("call_soon_threadsafe", "is_running", "is_closed", "create_task")


class BadLoop(asyncio.SelectorEventLoop):
    """Raises once."""

    bad = ""
    error: BaseException | None = None

    def arm(self, bad: str, error: BaseException) -> None:
        self.error, self.bad = error, bad

    def disarm(self) -> None:
        self.bad = ""

    def call_soon_threadsafe(self, *args: Any, **options: Any) -> Any:
        self._may_raise("call_soon_threadsafe")
        return super().call_soon_threadsafe(*args, **options)

    def is_running(self) -> bool:
        self._may_raise("is_running")
        return super().is_running()

    def is_closed(self) -> bool:
        self._may_raise("is_closed")
        return super().is_closed()

    def create_task(self, *args: Any, **options: Any) -> Any:
        self._may_raise("create_task")
        return super().create_task(*args, **options)

    def _may_raise(self, what: str) -> None:
        if what == self.bad:
            self.bad = ""
            assert self.error is not None
            raise self.error


class OurLoop(enum.Enum):
    """Which loop a cell is made with."""

    PLAIN = enum.auto()
    BAD = enum.auto()
    MADE_AT_THE_SECOND_TRY = enum.auto()


def raises_once(error: BaseException) -> Callable[[], asyncio.AbstractEventLoop]:
    """A loop factory."""
    errors = [error]

    def make() -> asyncio.AbstractEventLoop:
        if errors:
            raise errors.pop()
        return sideloop.new_event_loop()

    return make
