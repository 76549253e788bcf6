"""A module whose twin is a module."""

from acme._types import Point


async def double(number: int) -> int:
    """Twice."""
    return number * 2


async def origin() -> Point:
    """Of the plane."""
    return Point(0, 0)


class Thing:
    """A class of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def renamed(self, name: str) -> "Thing":
        """Another one."""
        return Thing(name)
