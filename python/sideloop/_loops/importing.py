"""Calls made during an import: importlib learns who waits for whom.

A thread that imports a module holds that module's lock. If it makes a call whose coroutine imports
the same module, the loop thread would wait for the lock, and its holder for the call. importlib
looks for such circles before it waits (`_blocking_on`: which thread waits for which lock) and takes
a module that is only half there rather than wait for ever, as an import inside the same thread
does. A caller that waits for a loop thread is entered there as well, as if it waited for a lock
that the loop thread owns.

Does not work: to let the caller drive the loop during an import. What the coroutine makes, a
connection that a module opens for its users, would belong to another loop than the thread's later
calls.
"""

import importlib
import threading
from typing import Any

from sideloop._sideloop import RunnerCore

# Without an annotation elsewhere: all that is used of it is private.
_bootstrap: Any = importlib.import_module("_frozen_importlib")


class Wait:
    """A thread's wait for a runner's loop thread, from now until `end`.

    Looks like the module locks that importlib keeps there: what it asks for is the owner.
    """

    name = "a sideloop call"

    def __init__(self, core: RunnerCore) -> None:
        self._core = core
        self._thread = threading.get_ident()
        blocking_on = _bootstrap._blocking_on
        make_list = getattr(_bootstrap, "_List", None)
        if make_list is None:
            # Up to CPython 3.11: one lock for a thread.
            self._before = blocking_on.get(self._thread)
            blocking_on[self._thread] = self
        else:
            # From 3.12 on: a list for a thread, which lives while somebody holds it.
            self._locks = blocking_on.setdefault(self._thread, make_list())
            self._locks.append(self)

    @property
    def owner(self) -> int:
        """The thread that has to go on for this wait to end."""
        return self._core.loop_thread

    def end(self) -> None:
        """The wait is over."""
        if hasattr(self, "_locks"):
            self._locks.remove(self)
        elif self._before is None:
            # A signal handler that waited for an import meanwhile has taken the entry with it.
            _bootstrap._blocking_on.pop(self._thread, None)
        else:
            _bootstrap._blocking_on[self._thread] = self._before
