"""The visits of an object that several threads may be inside of, as of a semaphore."""

import threading
from typing import Generic, TypeVar

V = TypeVar("V")


class Visits(Generic[V]):
    """Who is inside: each thread's visits apart, innermost last.

    A thread leaves what it has entered, which no other one touches. One that has entered nothing
    leaves for another thread, as web frameworks do: they enter for a request on one thread of a
    pool, and leave on whichever is free.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        # Those with visits, by identity: also of threads that have ended.
        self._all: dict[int, list[V]] = {}

    def enter(self, visit: V) -> None:
        """The calling thread is inside."""
        mine: list[V] | None = getattr(self._mine, "visits", None)
        if mine is None:
            mine = self._mine.visits = []
        mine.append(visit)
        self._all[id(mine)] = mine

    def leave(self) -> V | None:
        """The visit that the calling thread is to end; None if nobody is inside."""
        mine: list[V] | None = getattr(self._mine, "visits", None)
        if mine and (visit := self._pop(mine)) is not None:
            return visit
        for other in reversed(list(self._all.values())):
            if (visit := self._pop(other)) is not None:
                return visit
        return None

    def _pop(self, visits: list[V]) -> V | None:
        try:
            visit = visits.pop()
        except IndexError:  # another thread has left for this one
            return None
        if not visits:
            self._all.pop(id(visits), None)
            if visits:
                self._all[id(visits)] = visits  # entered again meanwhile
        return visit
