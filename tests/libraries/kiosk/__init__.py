"""A package whose twins stand beside all else that a module may have."""

from __future__ import annotations

import enum
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    overload,
)

from kiosk import _client as _async
from kiosk import parts as parts
from sideloop import LoopManager

from ._client import AsyncClient, AsyncPaper
from ._errors import *  # noqa: F403  # as packages do
from ._errors import __all__ as _errors_all
from .parts.tools import LIMIT as LIMIT
from .parts.tools import shout

if TYPE_CHECKING:
    from decimal import Decimal

try:
    import simplejson as fastest
except ImportError:
    import json as fastest  # type: ignore[no-redef]

__version__ = "1.2.3"
VERSION = (1, 2, 3)
TIMEOUT = 5.0
RETRIES: Final = 7
CODES = {1: "one", 2: "two"}
MODE: Literal["slow"] = "slow"
HOME = os.environ.get("KIOSK_HOME", "kiosk.example")
logger = logging.getLogger(__name__)

T = TypeVar("T")
Json = Union[dict[str, Any], list[Any], str, None]  # noqa: UP007  # as older code has it
Reader = Callable[["Paper"], None]


class Color(enum.Enum):
    """Of a paper that nothing is awaited of."""

    PINK = 1
    WHITE = "w"


class Options(TypedDict, total=False):
    """What may be said."""

    retries: int


class Row(NamedTuple):
    """A tuple."""

    number: int
    text: str = ""


class Named(Protocol):
    """Whatever has a name."""

    name: str

    def greet(self, times: int) -> str:
        """Say hello."""
        ...


@dataclass(frozen=True)
class Settings(Generic[T]):
    """Of a user."""

    value: T
    names: list[str] = field(default_factory=list)
    LIMIT: ClassVar[int] = 3

    def total(self) -> int:
        """How many."""
        return len(self.names)


class LocalError(KioskError):  # noqa: F405  # see above
    """Raised by this module."""

    def __init__(self, message: str, code: int = 3) -> None:
        super().__init__(message)
        self.code = code
        self.loud = message.upper()


@overload
def turn(value: int) -> str: ...
@overload
def turn(value: str) -> int: ...
def turn(value: int | str) -> str | int:
    """Turn one into the other."""
    return str(value) if isinstance(value, int) else int(value)


def bought(client: Client, price: Decimal | None = None) -> Paper:
    """What a client gets."""
    assert price is None
    return client.get(f"{fastest.dumps(1)}")


class Shelf:
    """Nothing async."""

    width = 3

    def __init__(self) -> None:
        self.papers: list[Paper] = []
        self.full = False

    @property
    def length(self) -> int:
        return len(self.papers)

    @length.setter
    def length(self, value: int) -> None:
        del self.papers[value:]

    @classmethod
    def empty(cls) -> Shelf:
        return cls()

    class Board:
        thick = "yes"


manager = LoopManager(scope="process", name="kiosk")
Paper = manager.synced(_async.AsyncPaper)
Size = manager.synced(_async.AsyncSize)
Client = manager.synced(AsyncClient)
fetch = manager.synced(_async.fetch)
default = Client("default")


class Special(Client):
    """Derived from a twin."""

    def loud(self) -> str:
        return self.url.upper()


if sys.version_info >= (3, 11):

    def newer() -> bool:
        return True
else:

    def newer() -> bool:
        return False


__all__ = [
    "AsyncClient",
    "AsyncPaper",
    "Client",
    "LocalError",
    "Paper",
    "bought",
    "default",
    "fetch",
    "shout",
    "turn",
    *_errors_all,
]
__all__ += ["CODES", "Json", "Shelf"]
