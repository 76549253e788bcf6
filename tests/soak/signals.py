"""Signals to the main thread: handlers that call, and Ctrl-C."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Generator
from types import FrameType

from sideloop import LoopManager, LoopStoppedError, RunnerClosedError
from soak.acts import at_once
from soak.bridges import Bridges
from soak.tally import tally

PAUSE = 0.02
"""Seconds from the end of one alarm's handler to the next alarm: on a slow interpreter the handlers
would leave the main thread no time."""


SWALLOWING = {"__del__", "call", "_remove", "remove", "unraisable"}
"""Finalizers, also of weak tables: without the interpreter lock they run in anybody's stack."""


@contextlib.contextmanager
def signals(bridges: Bridges, dice: random.Random) -> Generator[None]:
    """Send them while the block runs, on the main thread."""
    over = threading.Event()

    def call(number: int, frame: FrameType | None) -> None:
        tally.count("calls by signal handlers")
        try:
            assert bridges.own[0].run_sync(at_once, 7) == 7
        except (LoopStoppedError, RunnerClosedError, TimeoutError, KeyboardInterrupt):
            pass
        except BaseException as error:
            tally.is_wrong("in a signal handler", error)
        if not over.is_set():
            signal.setitimer(signal.ITIMER_REAL, PAUSE)

    def interrupt(number: int, frame: FrameType | None) -> None:
        # In calls only, and in none that would swallow it.
        names: list[str] = []
        inside = False
        while frame is not None:
            names.append(frame.f_code.co_name)
            inside = inside or frame.f_code is LoopManager.run_sync.__code__
            frame = frame.f_back
        if inside and not SWALLOWING & set(names):
            tally.count("Ctrl-C in a call")
            raise KeyboardInterrupt

    def pepper() -> None:
        while not over.wait(dice.expovariate(10)):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, call), signal.signal(signal.SIGINT, interrupt)
    sender = threading.Thread(target=pepper, name="pepper")
    sender.start()
    signal.setitimer(signal.ITIMER_REAL, PAUSE)
    try:
        yield
    finally:
        over.set()
        signal.setitimer(signal.ITIMER_REAL, 0)
        sender.join()
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGINT, before[1])
