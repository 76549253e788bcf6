"""The answers of a map: which items are on their way, and which answer is handed out next."""

from collections import deque
from contextvars import Context
from types import CoroutineType
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Outcome(Generic[R]):
    """What came of one item: an `answer`, or an `error`.

    An error that is `final` is raised also where errors are collected: it ends the map.
    """

    __slots__ = ("answer", "error", "final")

    answer: Any
    """An `R`, once it is there."""
    error: BaseException | None

    def __init__(
        self, answer: Any = None, error: BaseException | None = None, *, final: bool = False
    ) -> None:
        self.answer = answer
        self.error = error
        self.final = final


class Item(Outcome[R], Generic[T, R]):
    """One item on its way: pulled by the caller's thread, answered by the loop thread.

    The loop thread writes `answer` or `error`, and then `done`; the caller's reads them after it
    has seen `done`.
    """

    __slots__ = ("answering", "context", "done", "given")

    def __init__(self, given: T, context: Context) -> None:
        # Not by the base's: one is made for each item.
        self.answer = self.error = None
        self.final = False
        self.given = given
        self.context = context
        self.done = False
        self.answering: CoroutineType[Any, Any, None] | None = None
        """Its task's coroutine, until the task is made."""


class Answers(Protocol[T, R]):
    """Which answer is next. `finish` is called on the loop thread, the rest on the caller's."""

    def __len__(self) -> int:
        """How many items are on their way: pulled, and not handed out."""
        ...

    def ready(self) -> bool:
        """Whether the next answer is there. Also asked on the loop thread."""
        ...

    def add(self, item: Item[T, R]) -> None:
        """An item was pulled."""

    def finish(self, item: Item[T, R]) -> None:
        """An item was answered."""

    def take(self) -> Item[T, R]:
        """The next one, if it is ready."""
        ...


class InOrder(Generic[T, R]):
    """Answers in the order of their items: the oldest one is next."""

    def __init__(self) -> None:
        self._items: deque[Item[T, R]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def ready(self) -> bool:
        """Whether the oldest item is answered."""
        try:
            return self._items[0].done
        except IndexError:  # also if it was taken after another look
            return False

    def add(self, item: Item[T, R]) -> None:
        """Queue it behind the others."""
        self._items.append(item)

    def finish(self, item: Item[T, R]) -> None:
        """Mark it: its turn comes."""
        item.done = True

    def take(self) -> Item[T, R]:
        """Take the oldest one."""
        return self._items.popleft()


class AsFinished(Generic[T, R]):
    """Answers as they come: the one that was there first is next."""

    def __init__(self) -> None:
        self._pulled = 0
        self._taken = 0
        self._finished: deque[Item[T, R]] = deque()

    def __len__(self) -> int:
        return self._pulled - self._taken

    def ready(self) -> bool:
        """Whether any item is answered."""
        return bool(self._finished)

    def add(self, item: Item[T, R]) -> None:  # noqa: ARG002  # it will come by itself
        """Count it."""
        self._pulled += 1

    def finish(self, item: Item[T, R]) -> None:
        """Queue it behind the others that are answered."""
        item.done = True
        self._finished.append(item)

    def take(self) -> Item[T, R]:
        """Take the one that was answered first."""
        self._taken += 1
        return self._finished.popleft()


Order = type[InOrder[Any, Any]] | type[AsFinished[Any, Any]]
