"""The worker: a thread that runs hooks, one after the other.

A hook may block, and may call what waits for it, which may call another hook. So hooks never wait
for each other's threads: each gets an idle worker, or a new one. An idle worker ends after a while.

Does not work: a pool with a limit, as a loop's default executor has. Hooks that wait for calls that
wait for hooks fill it, and the last one never begins.
"""

import itertools
import queue
import threading
from collections import deque
from typing import Protocol

from sideloop._loops.hubs import Hubs, SystemThread, hubs
from sideloop._loops.process_end import end_process
from sideloop._sideloop import generation

IDLE_SECONDS = 5.0
"""How long a worker waits for its next hook."""

_idle: "deque[Worker]" = deque()
"""Those that wait, the one that has waited longest first."""

_numbers = itertools.count(1)


class Job(Protocol):
    """What a worker does."""

    ended: bool

    @property
    def error(self) -> BaseException | None:
        """What it has raised."""
        ...

    def __call__(self) -> None:
        """Do it, and tell who waits for it."""


class Seat(Protocol):
    """Where the jobs of one lease run, one after the other."""

    @property
    def ident(self) -> int | None:
        """The thread, as far as it is known."""
        ...

    def put(self, job: Job) -> None:
        """Have it done."""

    def give_back(self) -> None:
        """No job follows."""


class Worker:
    """A daemon thread, leased by one hook at a time."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._last: Job | None = None
        self._generation = generation()
        self._thread = threading.Thread(
            target=self._main, name=f"sideloop hook {next(_numbers)}", daemon=True
        )
        self._thread.start()

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def put(self, job: Job) -> None:
        self._last = job
        self._jobs.put(job)

    def give_back(self) -> None:
        last, self._last = self._last, None
        if last is None or last.ended:
            _idle.append(self)
        else:
            # Its caller has given up. It is idle when that is over.
            self._jobs.put(None)

    def _main(self) -> None:
        while self._generation == generation():
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                if self._is_not_needed():
                    return
                continue
            if job is None:
                _idle.append(self)
            else:
                _do(job)
            del job  # it holds the hook

    def _is_not_needed(self) -> bool:
        try:
            _idle.remove(self)
        except (ValueError, IndexError):  # leased, or others changed the queue meanwhile
            return False
        return True


def _do(job: Job) -> None:
    """Do it. In the child of a fork that it makes nobody waits for it: the child ends with it."""
    before = generation()
    job()
    if generation() != before:
        end_process(job.error)


class SystemThreads:
    """Where threads are greenlets: a thread of the system's for each job, with a hub of its own.

    Does not work: a greenlet of the loop's hub. The hook could not call what waits for it there.
    """

    def __init__(self, patched: Hubs) -> None:
        self._patched = patched
        self.ident: int | None = None

    def put(self, job: Job) -> None:
        thread = SystemThread(self._patched, lambda: _do(job))
        thread.start()
        self.ident = thread.ident

    def give_back(self) -> None:
        """Nothing was leased."""


class LoopItself:
    """The loop's own thread: where the interpreter starts no others any more.

    A hook that calls the object that waits for it gets a DeadlockError there.
    """

    ident = None

    def put(self, job: Job) -> None:
        job()

    def give_back(self) -> None:
        """Nothing was leased."""


class Lease:
    """A worker that nobody else uses, until it is given back, or dropped.

    Raises:
        RuntimeError: The system has no thread to give.
    """

    # A signal handler may raise while one is made, and it is collected all the same.
    _seat: Seat | None = None

    def __init__(self) -> None:
        self._seat = _seat()

    @property
    def ident(self) -> int | None:
        """The thread, as far as it is known."""
        return None if self._seat is None else self._seat.ident

    def put(self, job: Job) -> None:
        """Have it done."""
        assert self._seat is not None, "was given back"
        self._seat.put(job)

    def give_back(self) -> None:
        """No job follows. The last one may still run."""
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.give_back()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *error: object) -> None:
        self.give_back()

    def __del__(self) -> None:
        self.give_back()


def _seat() -> Seat:
    if (patched := hubs()) is not None:
        return SystemThreads(patched)
    try:
        return _idle.pop()
    except IndexError:
        pass
    try:
        return Worker()
    except RuntimeError as error:
        # From CPython 3.12 on no thread starts while the interpreter shuts down.
        if "at interpreter shutdown" not in str(error):
            raise
        return LoopItself()


def forget_inherited() -> None:
    """In a fork's child: these threads are the parent's."""
    _idle.clear()
