"""Who is asking: a class to derive from, and the one that suffices mostly."""

from abc import ABC, abstractmethod

from shelf._manager import manager


class AsyncAuth(ABC):
    """Says who is asking. Derive from it; a sync user writes `token` as a plain method."""

    @abstractmethod
    async def token(self, refused: str | None) -> str:
        """A token to show, and another one if this was refused."""


class AsyncApiKey(AsyncAuth):
    """Shows a key that never changes."""

    def __init__(self, key: str) -> None:
        self.key = key

    async def token(self, refused: str | None) -> str:  # noqa: ARG002  # there is no other
        """The key."""
        return self.key


Auth = manager.synced(AsyncAuth)
ApiKey = manager.synced(AsyncApiKey)
