"""Models: dataclasses and pydantic's."""

from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


@dataclass
class AsyncEntity:
    """A dataclass without a twin."""

    id: int
    tags: list[str] = field(default_factory=list)

    async def refresh(self) -> bool:
        """Look again."""
        return True


@dataclass
class AsyncUser(AsyncEntity):
    """A user."""

    name: str = "nobody"
    """What they call themselves."""
    score: float = field(init=False, default=0.5)

    kind: ClassVar[str] = "user"

    async def friends(self) -> "list[AsyncUser]":
        """Other users."""
        return [AsyncUser(self.id + 1, name="friend")]

    def __post_init__(self) -> None:
        self.loaded = bool(self.tags)


@dataclass(frozen=True)
class AsyncKey:
    """Frozen, and in order."""

    value: str
    age: int = 0

    async def rotate(self) -> "AsyncKey":
        """A new one."""
        return AsyncKey(self.value + "2", self.age + 1)


class AsyncJob(BaseModel):
    """A pydantic model."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    steps: int = 3
    owner: str | None = None
    labels: list[str] = Field(default_factory=list, alias="marks")

    async def run(self) -> int:
        """All steps."""
        return self.steps

    async def copies(self) -> "list[AsyncJob]":
        """Two of it."""
        return [self, self]


class AsyncBatchJob(AsyncJob):
    """Derived from another one."""

    size: int = 1

    async def total(self) -> int:
        """Of all copies."""
        return self.size * await self.run()
