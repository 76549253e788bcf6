"""No lock is held while Python code runs: no other thread, nor a signal handler, waits for one.

Each would freeze for ever: the thread waits, attached, for a lock whose holder waits for the
interpreter.
"""

import gc
import selectors
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable

from sideloop import EventLoop, Runner, RunnerClosedError, SyncGenerator
from sideloop._base import errors


async def numbers() -> AsyncIterator[int]:
    while True:
        yield 1


def of_a_closed_runner(count: int) -> list[SyncGenerator[int, None]]:
    """Iterators that have begun, and whose next step gets an error."""
    runner = Runner()
    iterators = [runner.iterate(numbers()) for _ in range(count)]
    for iterator in iterators:
        assert next(iterator) == 1
    runner.close()
    return iterators


def step(iterator: SyncGenerator[int, None]) -> None:
    try:
        found = next(iterator)
    except RunnerClosedError:
        return
    raise AssertionError(found)


def stepped_in(meanwhile: Callable[[], None]) -> None:
    """Have `meanwhile` run in the constructor of the error that a step gets, and so a finalizer."""

    class MeetingError(RunnerClosedError):
        def __init__(self, *args: object) -> None:
            errors.RunnerClosedError = RunnerClosedError  # type: ignore[misc]  # this once
            meanwhile()
            gc.collect()
            super().__init__(*args)  # type: ignore[arg-type]

    errors.RunnerClosedError = MeetingError  # type: ignore[misc]


def constructor() -> None:
    """The error's constructor needs the same lock, on this thread and on another."""
    one, two, three = of_a_closed_runner(3)

    def meanwhile() -> None:
        step(two)
        thread = threading.Thread(target=step, args=(three,))
        thread.start()
        thread.join()

    stepped_in(meanwhile)
    step(one)


def threads() -> None:
    """Many threads step the iterators of one closed runner."""
    sys.setswitchinterval(1e-5)
    iterators = of_a_closed_runner(2000)

    def work(mine: list[SyncGenerator[int, None]]) -> None:
        for iterator in mine:
            step(iterator)

    all_threads = [threading.Thread(target=work, args=(iterators[k::4],)) for k in range(4)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()


def handler() -> None:
    """A signal handler steps an iterator while its thread steps another of that runner."""
    iterators = of_a_closed_runner(2000)
    others, mine = iterators[1000:], iterators[:1000]
    met = 0

    def handle(*_: object) -> None:
        nonlocal met
        if others:
            step(others.pop())
            met += 1

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    for iterator in mine:
        step(iterator)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert met


def descriptor() -> None:
    """A selector is asked for its descriptor while another thread takes the loop's bell away."""
    loop = EventLoop()
    plain = selectors.EpollSelector.fileno
    asked = 0

    def fileno(selector: selectors.EpollSelector) -> int:
        nonlocal asked
        asked += 1
        thread = threading.Thread(target=setattr, args=(loop, "_closed", True))
        thread.start()
        thread.join()
        return plain(selector)

    selectors.EpollSelector.fileno = fileno  # type: ignore[method-assign]
    loop._selector = loop._selector
    selectors.EpollSelector.fileno = plain  # type: ignore[method-assign]
    assert asked
    loop._closed = False
    loop.close()


globals()[sys.argv[1]]()
print("over")
