# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""What readers say of a book: a resource below another one."""
from abc import ABCMeta
from shelf.transport import Transport
from sideloop import AsyncOriginal
from dataclasses import dataclass
from shelf._manager import manager as manager
from shelf.message import Request as Request
from shelf.transport import AsyncTransport as AsyncTransport

@dataclass(frozen=True)
class Review:
    """What somebody says of a book."""
    stars: int
    text: str = ''

class AsyncReviews:
    """The reviews of one book."""
    _client: AsyncTransport
    _path: str
    def __init__(self, client: AsyncTransport, number: int) -> None: ...
    async def add(self, stars: int, text: str='') -> Review:
        """Say what you think."""
    async def list(self) -> tuple[Review, ...]:
        """All of them."""
    @property
    async def average(self) -> float | None:
        """How many stars they give; nothing if there are none."""

class Reviews(metaclass=ABCMeta):
    """The reviews of one book."""
    def __init__(self, client: Transport, number: int) -> None: ...
    def add(self, stars: int, text: str='') -> Review:
        """Say what you think."""
    def list(self) -> tuple[Review, ...]:
        """All of them."""
    @property
    def average(self) -> float | None:
        """How many stars they give; nothing if there are none."""
    @AsyncOriginal
    def aio(self) -> AsyncReviews: ...
