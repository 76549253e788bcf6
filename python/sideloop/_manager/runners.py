"""The runners of one manager: which are there, whose they are, and which wait for a new thread."""

import itertools
import threading
from collections import deque
from collections.abc import Callable

from sideloop._runners.runner import Runner, loop_of
from sideloop._sideloop import ThreadLife, generation

RUNNER_LIMIT = 256
"""How many runners a manager makes before callers of one depth share them.

Each has a thread and two descriptors, and a process may often have no more than 1,024 of those."""

IDLE_LIMIT = 16
"""How many runners of threads that have ended are kept for new ones."""


class Runners:
    """The runners of one manager in one process."""

    def __init__(self) -> None:
        self.started: list[Runner] = []
        self.idle: deque[Runner] = deque()
        self._shared: Runner | None = None
        self._held: dict[Runner, ThreadLife] = {}
        self._turns = itertools.count()
        # Re-entrant: a signal handler may call run_sync while this thread makes a runner.
        self._lock = threading.RLock()

    def add(self, runner: Runner) -> Runner:
        with self._lock:
            self.forget_closed()
            self.started.append(runner)
        return runner

    def forget_closed(self) -> None:
        with self._lock:
            self.started = [known for known in self.started if not known.closed]

    # Runners are made with no lock held: making one may run code of the user's.

    def shared(self, make: Callable[[], Runner]) -> Runner:
        shared = self._shared
        if shared is not None and not shared.closed:
            return shared
        made = make()
        with self._lock:
            if self._shared is None or self._shared.closed:
                self._shared = self.add(made)
            return self._shared

    def for_thread(self, depth: int, make: Callable[[], Runner]) -> tuple[Runner, bool]:
        """A runner for one more thread that calls at this depth, and whether it is its own."""
        self.reclaim()
        with self._lock:
            runner = self._take_idle()
            if runner is None:
                self.forget_closed()
                # Of the same depth, so that none waits for itself.
                same = [known for known in self.started if loop_of(known).depth == depth]
                if len(self.started) >= RUNNER_LIMIT and same:
                    return same[next(self._turns) % len(same)], False
        if runner is None:
            runner = self.add(make())
        loop_of(runner).depth = depth
        return runner, True

    def _take_idle(self) -> Runner | None:
        while self.idle:
            try:
                runner = self.idle.popleft()
            except IndexError:  # another thread was faster
                return None
            if not runner.closed:
                return runner
        return None

    def hold(self, runner: Runner) -> None:
        """It is the calling thread's, until that gives it back."""
        self._held[runner] = ThreadLife()

    def reclaim(self) -> None:
        """Take back what threads got in their last steps, where nothing is dropped any more."""
        # Not the items: making a pair of each may run the collector, and so somebody's call.
        for runner in list(self._held):
            life = self._held.get(runner)
            if life is not None and life.ended:
                self.give_back(runner)

    def give_back(self, runner: Runner) -> None:
        if self._held.pop(runner, None) is None:
            return
        if runner.drive == "caller":
            # Nobody else can drive it: it unwinds in its thread's last steps.
            loop_of(runner).close_or_let_go()
        elif len(self.idle) < IDLE_LIMIT:
            loop_of(runner).disown()
            self.idle.append(runner)
        else:
            loop_of(runner).close_soon()


class Owner:
    """A thread's hold on its runner. Dies with the thread, and gives the runner back."""

    def __init__(self, runners: Runners, runner: Runner) -> None:
        self.runners = runners
        self.runner = runner
        self.loop = loop_of(runner)
        self._generation = generation()
        runners.hold(runner)

    def __del__(self) -> None:
        # A fork's child drops what the parent's other threads owned; it is not there to give.
        if self._generation == generation():
            self.runners.give_back(self.runner)
