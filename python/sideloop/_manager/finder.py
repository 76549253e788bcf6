"""The finder: which of a manager's runners serves a caller."""

import threading
from collections.abc import Callable
from typing import Literal

from sideloop._base.errors import nesting_error
from sideloop._loops.hubs import check_no_hubs
from sideloop._loops.loop import Loop
from sideloop._loops.thread import LoopThread, here
from sideloop._manager.home import Home
from sideloop._manager.runners import Owner, Runners, reclaim
from sideloop._runners.options import Drive
from sideloop._runners.runner import Runner
from sideloop._sideloop import call_name, generation

Scope = Literal["thread", "process"]

DEPTH_LIMIT = 128
"""How deep calls may be nested. Each depth is a loop thread."""


class Finder:
    """Finds the runner by who calls: by the thread, and by how deep the call is nested.

    `make` makes one. Where threads start no more, at the interpreter's end, a caller may drive only
    the loops that are `ours`, not those of a loop factory.
    """

    def __init__(
        self, scope: Scope, drive: Drive, ours: bool, make: Callable[[Drive], Runner]
    ) -> None:
        self.local = threading.local()
        self._scope = scope
        self._drive: Drive = drive
        self._ours = ours
        self._make = make
        # One entry: that of the current fork generation. See `runners`.
        self._by_generation: dict[int, Runners] = {}

    def runners(self) -> Runners:
        """The runners of this process: a fork's child starts with none."""
        current = generation()
        found = self._by_generation.get(current)
        if found is None:
            # setdefault is atomic, so that threads that come here at once agree.
            found = self._by_generation.setdefault(current, Runners())
            for old in [key for key in self._by_generation if key != current]:
                self._by_generation.pop(old, None)
        return found

    def find(self, async_fn: Callable[..., object]) -> tuple[Home, Loop]:
        """Find the runner for this thread and depth, or make and start it."""
        if self._drive == "caller":
            return self._find_driven(async_fn)
        caller = here.loop_thread
        depth = caller.depth if caller is not None else 0
        if depth >= DEPTH_LIMIT:
            raise nesting_error(call_name(async_fn), depth, _chain(caller))
        runners = self.runners()
        shared = self._scope == "process" and depth == 0
        owner: Owner | None = getattr(self.local, "owner", None)
        home = owner.home if owner is not None and owner.runners is runners else None
        if shared:
            home = runners.shared(self._make_thread)
        elif home is None or home.runner.closed:
            home, own = runners.for_thread(depth + 1, self._make_thread)
            shared = not own
            self.local.owner = Owner(runners, home)
        try:
            loop = home.loop.for_call(async_fn)
        except RuntimeError as error:
            # From CPython 3.12 on no thread starts while the interpreter shuts down. The caller can
            # drive then.
            if "at interpreter shutdown" not in str(error) or not self._ours:
                raise
            return self._find_driven(async_fn)
        if isinstance(loop, LoopThread):
            loop.depth, loop.outer = depth + 1, caller
            if not shared:
                loop.owner = threading.get_ident()
        self.local.core = loop.core
        return home, loop

    def _make_thread(self) -> Runner:
        return self._make("thread")

    def _find_driven(self, async_fn: Callable[..., object]) -> tuple[Home, Loop]:
        """Find the first of this thread's runners that it is not driving just now, or make one."""
        runners = self.runners()
        owners: list[Owner] = self.local.__dict__.setdefault("owners", [])
        # One that was closed by another thread while this one drives it unwinds when it is dropped,
        # which is after that.
        owners[:] = [
            one
            for one in owners
            if one.runners is runners and (not one.loop.closed or one.loop.driving)
        ]
        for owner in owners:
            if not owner.loop.driving and (home := owner.home) is not None:
                break
        else:
            if self._drive == "caller":
                check_no_hubs("the manager")
            depth = len(owners)
            if depth >= DEPTH_LIMIT:
                names = [owner.loop.name for owner in owners]
                raise nesting_error(call_name(async_fn), depth, _shortened(names))
            reclaim()
            home = runners.add(self._make("caller"))
            owner = Owner(runners, home)
            owners.append(owner)
        loop = home.loop.for_call(async_fn)
        if owner is owners[0]:
            # Nested calls look here again: the next call from outside belongs to the first one.
            self.local.core = loop.core
        return home, loop


def _chain(loop_thread: LoopThread | None) -> list[str]:
    """The names of a loop thread and of those that wait for it, outermost first, shortened."""
    names: list[str] = []
    while loop_thread is not None:
        names.append(loop_thread.core.name)
        loop_thread = loop_thread.outer
    names.reverse()
    return _shortened(names)


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) <= 6 else [*names[:3], "…", *names[-3:]]
