"""Faces of `__enter__` and `__exit__`: a visit has one worker, which may hold a lock meanwhile."""

import asyncio
import weakref
from typing import Any

from sideloop._hooks.worker import Lease
from sideloop._twins.face import Find, begun, given_up
from sideloop._twins.translate import into

_visits: "weakref.WeakKeyDictionary[asyncio.Task[Any], list[tuple[int, Lease]]]"
_visits = weakref.WeakKeyDictionary()
"""Where each task has entered what, innermost last. Given back when the task is gone."""


def entering_face(find: Find, find_exit: Find) -> Any:
    """The `__aenter__` that runs a user's `__enter__`."""

    async def face(*args: Any, **kwargs: Any) -> Any:
        lease = Lease()
        try:
            leave = given_up(lambda *left: find_exit(args).sync_fn(*left))
            found, error = await begun(find(args), kwargs, lease, leave)
            if error is not None:
                raise error
        except BaseException:
            lease.give_back()
            raise
        finally:
            error = None
        task = asyncio.current_task()
        if task is not None:
            _visits.setdefault(task, []).append((id(args[0]), lease))
        return into(found)

    return face


def exiting_face(find: Find, _: Find) -> Any:
    """The `__aexit__` that runs a user's `__exit__`."""

    async def face(*args: Any, **kwargs: Any) -> Any:
        lease = _take(id(args[0])) or Lease()
        try:
            found, error = await begun(find(args), kwargs, lease)
            if error is not None:
                raise error
        finally:
            error, args = None, ()  # an error among them holds this frame
            lease.give_back()
        return into(found)

    return face


def _take(key: int) -> Lease | None:
    task = asyncio.current_task()
    visits = [] if task is None else _visits.get(task, [])
    for place in reversed(range(len(visits))):
        if visits[place][0] == key:
            return visits.pop(place)[1]
    return None
