"""What a signal handler raises, and what the main thread waits in: `handlers.py <drive>`.

Says of each wait, and each exception, whether it came out, or what came instead.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from types import FrameType
from typing import Any

import sideloop
from sideloop import Runner

drive: Any = sys.argv[1]
GRACE = 60.0

KINDS: list[type[BaseException]] = [
    ValueError,
    RuntimeError,
    TimeoutError,
    concurrent.futures.TimeoutError,
    concurrent.futures.CancelledError,
    asyncio.CancelledError,
    sideloop.RunnerClosedError,
    StopIteration,
    StopAsyncIteration,
    KeyboardInterrupt,
    SystemExit,
]

raised: list[BaseException] = []
kind: type[BaseException] = ValueError


ENDS = StopIteration, StopAsyncIteration
"""Those that would end who iterates: they may come as the cause of a RuntimeError instead."""


def handle(number: int, frame: FrameType | None) -> None:
    cell.handled.set()
    if cell.waits_for_all:
        cell.gate.open()
    raised.append(kind("of the handler"))
    raise raised[-1]


class Gate:
    """Where async code waits until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opens: list[Callable[[], object]] = []

    async def wait(self) -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._opens.append(lambda: loop.call_soon_threadsafe(event.set))
        # Not here: a handler's exception that came while its code runs would be the task's.
        loop.call_later(0.01, self.reached.set)
        await event.wait()

    def open(self) -> None:
        while self._opens:
            self._opens.pop()()


class Cell:
    """One runner, and async code that waits where it is told."""

    def __init__(self) -> None:
        self.runner = Runner(drive=drive, grace=GRACE)
        self.gate = Gate()
        self.handled = threading.Event()
        self.waits_as: str | None = None
        self.waits_for_all = False
        """Whether it comes out only when all has unwound: a loop that this thread runs ends."""

    async def wait(self, _: int = 0) -> None:
        await self.gate.wait()

    async def wait_to_unwind(self, n: int = 1) -> int:
        if n == 0:
            return n
        try:
            await asyncio.Event().wait()
        finally:
            await self.gate.wait()
        return n

    async def late_item(self) -> AsyncGenerator[int, None]:
        await self.gate.wait()
        yield 1

    async def late_end(self) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await self.gate.wait()

    @contextlib.asynccontextmanager
    async def entered_late(self) -> AsyncGenerator[None, None]:
        await self.gate.wait()
        yield

    @contextlib.asynccontextmanager
    async def left_late(self) -> AsyncGenerator[None, None]:
        yield
        await self.gate.wait()

    def press(self) -> None:
        """Send the signal when the main thread waits."""
        main = threading.main_thread().ident
        assert main is not None
        self.gate.reached.wait()
        while self.waits_as is not None and not _is_in(self.waits_as, main):
            time.sleep(0.001)
        # Again, if it came just before the thread slept, which does not wake it.
        while not self.handled.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)
            self.handled.wait(0.2)


def _is_in(function: str, thread: int) -> bool:
    frame: FrameType | None = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_name == function and "sideloop" in frame.f_globals["__name__"]:
            return True
        frame = frame.f_back
    return False


def call(cell: Cell) -> None:
    cell.runner.run(cell.wait)


def result(cell: Cell) -> None:
    cell.waits_as = "result"
    cell.runner.submit(cell.wait).result()


def result_within(cell: Cell) -> None:
    cell.waits_as = "result"
    cell.runner.submit(cell.wait).result(GRACE)


def exception(cell: Cell) -> None:
    cell.waits_as = "exception"
    cell.runner.submit(cell.wait).exception()


def answer(cell: Cell) -> None:
    list(cell.runner.map(cell.wait, [1]))


def item(cell: Cell) -> None:
    """The first one's answer does not come."""

    async def wait_for_ever(_: int) -> None:
        await asyncio.Event().wait()

    class Items:
        pulled = 0

        def __iter__(self) -> "Items":
            return self

        def __next__(self) -> int:
            self.pulled += 1
            if self.pulled > 1:
                cell.gate.reached.set()
                while True:
                    time.sleep(0.001)
            return self.pulled

    list(cell.runner.map(wait_for_ever, Items()))


def close_map(cell: Cell) -> None:
    answers = cell.runner.map(cell.wait_to_unwind, [1, 0], ordered=False)
    assert next(answers) == 0
    answers.close()


def step(cell: Cell) -> None:
    list(cell.runner.iterate(cell.late_item()))


def send(cell: Cell) -> None:
    with contextlib.suppress(StopIteration):  # as whoever sends takes it
        cell.runner.iterate(cell.late_item()).send(None)


def close_iterator(cell: Cell) -> None:
    items = cell.runner.iterate(cell.late_end())
    next(items)
    items.close()


def enter(cell: Cell) -> None:
    with cell.runner.enter(cell.entered_late()):
        pass


def leave(cell: Cell) -> None:
    with cell.runner.enter(cell.left_late()):
        pass


def close_runner(cell: Cell) -> None:
    async def begin() -> None:
        tasks.append(asyncio.ensure_future(cell.wait_to_unwind()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Future[int]] = []
    cell.runner.run(begin)
    cell.waits_for_all = True
    cell.runner.close()


SUBMITTED = [result, result_within, exception]
WAITS = [call, answer, item, close_map, step, send, close_iterator, enter, leave, close_runner]


def came(error: BaseException | None) -> str:
    if error is raised[-1]:
        return "came out"
    if kind in ENDS and isinstance(error, RuntimeError) and error.__cause__ is raised[-1]:
        return "came out"
    return f"{error!r} instead"


signal.signal(signal.SIGUSR1, handle)
for wait in [*WAITS, *(SUBMITTED if drive == "thread" else [])]:
    for kind in KINDS:
        cell = Cell()
        presses = threading.Thread(target=cell.press)
        presses.start()
        found: BaseException | None = None
        try:
            wait(cell)
        except BaseException as error:
            found = error
        presses.join()
        print(f"{wait.__name__} {kind.__name__}: {came(found)}", flush=True)
        found = None
        cell.gate.open()
        cell.runner.close()
