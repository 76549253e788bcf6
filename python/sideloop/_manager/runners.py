"""The runners of one manager: which are there, whose they are, and which wait for a new thread."""

import asyncio
import contextlib
import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sideloop._manager.home import Home
from sideloop._runners.runner import Runner, loop_of
from sideloop._sideloop import ThreadLife, generation

RUNNER_LIMIT = 256
"""How many runners a manager makes before callers of one depth share them.

Each has a thread and two descriptors, and a process may often have no more than 1,024 of those."""

IDLE_LIMIT = 16
"""How many runners that nobody needs any more are kept for new threads."""


_all: weakref.WeakValueDictionary[int, "Runners"] = weakref.WeakValueDictionary()
"""The runners of every manager, each by a number of its own."""

_numbers = itertools.count()


class _Hold(NamedTuple):
    """That a thread calls through a home."""

    home: Home
    thread: int
    life: ThreadLife


class _Making:
    """That a runner is being made. It goes with the call that makes it, whatever ends that."""


class Runners:
    """The runners of one manager in one process."""

    def __init__(self) -> None:
        self.started: list[Runner] = []
        self.idle: deque[Runner] = deque()
        self._shared: Home | None = None
        self._homes: weakref.WeakValueDictionary[Runner, Home] = weakref.WeakValueDictionary()
        self._held: dict[int, _Hold] = {}
        self._makings: weakref.WeakSet[_Making] = weakref.WeakSet()
        self._keys = itertools.count()
        self._turns = itertools.count()
        # Re-entrant: a signal handler may call run_sync while this thread makes a runner.
        self._lock = threading.RLock()
        self.generation = generation()
        _all[next(_numbers)] = self

    def add(self, runner: Runner) -> Home:
        with self._lock:
            self.forget_closed()
            self.started.append(runner)
            return self._home(runner)

    def forget_closed(self) -> None:
        with self._lock:
            # One by one: a signal handler's call may add one meanwhile, which no close would find
            # if a list took its place that was made before.
            for known in list(self.started):
                if known.closed:
                    with contextlib.suppress(ValueError):
                        self.started.remove(known)

    # Runners are made with no lock held: making one may run code of the user's.

    def shared(self, make: Callable[[], Runner]) -> Home:
        shared = self._shared
        if shared is not None and not shared.runner.closed:
            return shared
        made = make()
        with self._lock:
            if self._shared is None or self._shared.runner.closed:
                self._shared = self.add(made)
            return self._shared

    def for_thread(self, depth: int, make: Callable[[], Runner]) -> tuple[Home, bool]:
        """A home for one more thread that calls at this depth, and whether it is its own."""
        reclaim()
        making = _Making()
        with self._lock:
            runner = self._take_idle()
            if runner is None:
                self.forget_closed()
                # Of the same depth, so that none waits for itself.
                same = [
                    home
                    for known in self.started
                    if loop_of(known).depth == depth
                    and (home := self._homes.get(known)) is not None
                ]
                if len(self.started) + len(self._makings) >= RUNNER_LIMIT and same:
                    return same[next(self._turns) % len(same)], False
                self._makings.add(making)
        if runner is not None:
            home = self._home(runner)
        else:
            runner = make()
            with self._lock:
                self._makings.discard(making)
                home = self.add(runner)
        home.loop.depth = depth
        return home, True

    def _home(self, runner: Runner) -> Home:
        self._homes[runner] = home = Home(self, runner)
        return home

    def _take_idle(self) -> Runner | None:
        while self.idle:
            try:
                runner = self.idle.popleft()
            except IndexError:  # another thread was faster
                return None
            if not runner.closed:
                return runner
        return None

    def running_here(self) -> Home | None:
        """The home of the loop that the calling thread runs now, if it is one of these."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return None
        for runner in list(self.started):
            found = loop_of(runner).found
            if found is not None and found.loop is running:
                return self._homes.get(runner)
        return None

    def hold(self, home: Home) -> int:
        """The calling thread needs it, until it releases what this returns."""
        key = next(self._keys)
        self._held[key] = _Hold(home, threading.get_ident(), ThreadLife())
        return key

    def reclaim(self) -> None:
        """Take back what threads got of this manager in their last steps."""
        # Not the items: making a pair of each may run the collector, and so somebody's call.
        for key in list(self._held):
            hold = self._held.get(key)
            if hold is not None and hold.life.ended:
                self.release(key)

    def release(self, key: int) -> None:
        """The thread has ended. What it has made may live on."""
        hold = self._held.pop(key, None)
        if hold is None:
            return
        loop = hold.home.loop
        if loop.drive == "caller":
            # Nobody else can drive it: it unwinds in its thread's last steps.
            loop.close_or_let_go()
        elif loop.found is not None and loop.found.owner == hold.thread:
            loop.disown()

    def give_back(self, runner: Runner) -> None:
        """No thread calls through it, and nothing lives on it."""
        if runner.closed:
            return
        if runner.drive == "caller":
            loop_of(runner).close_or_let_go()
        elif len(self.idle) < IDLE_LIMIT:
            self.idle.append(runner)
        else:
            loop_of(runner).close_soon()


def reclaim() -> None:
    """Take back what threads got in their last steps, where nothing is dropped any more.

    Of all managers: one that was closed meanwhile may get no more calls.
    """
    for reference in _all.valuerefs():
        runners = reference()
        if runners is not None and runners.generation == generation():
            runners.reclaim()


class Owner:
    """A thread's hold on its home. Dies with the thread, or stays behind in its last steps."""

    # A signal handler may raise while one is made, and it is collected all the same.
    _key: int | None = None

    def __init__(self, runners: Runners, home: Home) -> None:
        self.runners = runners
        self.loop = home.loop
        # If this stays behind, the runner must not.
        self._home = weakref.ref(home)
        self._generation = generation()
        self._key = runners.hold(home)

    @property
    def home(self) -> Home | None:
        """None once it was taken back."""
        return self._home()

    def __del__(self) -> None:
        # A fork's child drops what the parent's other threads owned; it is not there to give.
        if self._key is not None and self._generation == generation():
            self.runners.release(self._key)
