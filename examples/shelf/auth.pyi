# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""Who is asking: a class to derive from, and the one that suffices mostly."""
from sideloop import AsyncOriginal
from abc import ABC, abstractmethod
from shelf._manager import manager as manager

class AsyncAuth(ABC):
    """Says who is asking. Derive from it; a sync user writes `token` as a plain method."""
    @abstractmethod
    async def token(self, refused: str | None) -> str:
        """A token to show, and another one if this was refused."""

class AsyncApiKey(AsyncAuth):
    """Shows a key that never changes."""
    key: str
    def __init__(self, key: str) -> None: ...
    async def token(self, refused: str | None) -> str:
        """The key."""

class Auth(ABC):
    """Says who is asking. Derive from it; a sync user writes `token` as a plain method."""
    @abstractmethod
    def token(self, refused: str | None) -> str:
        """A token to show, and another one if this was refused."""
    @AsyncOriginal
    def aio(self) -> AsyncAuth: ...

class ApiKey(Auth):
    """Shows a key that never changes."""
    key: str
    def __init__(self, key: str) -> None: ...
    def token(self, refused: str | None) -> str:
        """The key."""
    @AsyncOriginal
    def aio(self) -> AsyncApiKey: ...
