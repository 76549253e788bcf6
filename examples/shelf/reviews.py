"""What readers say of a book: a resource below another one."""

import json
from dataclasses import dataclass

from shelf._manager import manager
from shelf.message import Request
from shelf.transport import AsyncTransport


@dataclass(frozen=True)
class Review:
    """What somebody says of a book."""

    stars: int
    text: str = ""


class AsyncReviews:
    """The reviews of one book."""

    def __init__(self, client: AsyncTransport, number: int) -> None:
        self._client = client
        self._path = f"/books/{number}/reviews"

    async def add(self, stars: int, text: str = "") -> Review:
        """Say what you think."""
        review = Review(stars, text)
        body = json.dumps({"stars": stars, "text": text}).encode()
        await self._client.request(Request("POST", self._path, body))
        return review

    async def list(self) -> tuple[Review, ...]:
        """All of them."""
        found = (await self._client.request(Request("GET", self._path))).json()
        return tuple(Review(**one) for one in found)

    @property
    async def average(self) -> float | None:
        """How many stars they give; nothing if there are none."""
        reviews = await self.list()
        return sum(one.stars for one in reviews) / len(reviews) if reviews else None


Reviews = manager.synced(AsyncReviews)
