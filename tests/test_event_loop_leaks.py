"""Loops of ours leave nothing behind: no files, no objects, no cycles that are not collected."""

import asyncio
import contextlib
import gc
import os
import socket
import sys
import weakref
from collections.abc import Callable, Generator

import pytest

import sideloop

Files = tuple[socket.socket, ...]

Fill = Callable[[asyncio.AbstractEventLoop], Files | None]
"""Makes a loop hold something that refers to it. What was opened for it is returned."""


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


class Growth:
    """How much more there is after the block than before it."""

    files: int
    objects: int
    references: int

    @classmethod
    @contextlib.contextmanager
    def measured(cls) -> Generator["Growth"]:
        growth = cls()
        references: Callable[[], int] = getattr(sys, "gettotalrefcount", int)
        gc.collect()
        before = open_files(), len(gc.get_objects()), references()
        yield growth
        gc.collect()
        growth.files = open_files() - before[0]
        growth.objects = len(gc.get_objects()) - before[1]
        growth.references = references() - before[2]


async def use() -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(loop.call_soon_threadsafe, loop.call_later, 0, done.set_result, None)
    loop.call_later(3600, print)
    loop.call_later(3600, print).cancel()
    near, far = socket.socketpair()
    near.setblocking(False)
    far.send(b"heard")
    assert await loop.sock_recv(near, 10) == b"heard"
    near.close()
    far.close()
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
    await done


def make_run_close() -> None:
    loop = sideloop.new_event_loop()
    loop.run_until_complete(use())
    loop.close()


class TestAThousandLoops:
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_made_run_and_closed_leave_nothing(self, debug: bool) -> None:
        def work() -> None:
            loop = sideloop.new_event_loop()
            loop.set_debug(debug)
            loop.run_until_complete(use())
            loop.close()

        count = 100 if debug else 1000
        for _ in range(50):
            work()
        with Growth.measured() as growth:
            for _ in range(count):
                work()
        assert growth.files == 0
        # A few are of others: caches, the test runner.
        assert growth.objects < 20
        assert growth.references < count / 2

    def test_are_freed_without_the_collector_once_closed(self) -> None:
        gc.collect()
        gc.disable()
        try:
            loop = sideloop.new_event_loop()
            loop.run_until_complete(use())
            loop.close()
            died = weakref.ref(loop)
            del loop
            assert died() is None
        finally:
            gc.enable()


class TestCallbacks:
    def test_of_any_number_leave_nothing(self) -> None:
        loop = sideloop.new_event_loop()

        def turn() -> None:
            for _ in range(1000):
                loop.call_soon(id, object())
                loop.call_soon_threadsafe(id, object())
                loop.call_later(0, id, object())
                loop.call_later(3600, id, object()).cancel()
                loop.call_soon(id, object()).cancel()
            loop.call_later(0.001, loop.stop)
            loop.run_forever()

        for _ in range(3):
            turn()
        with Growth.measured() as growth:
            for _ in range(10):
                turn()
        loop.close()
        assert growth.files == 0
        # Up to a hundred cancelled timers are kept.
        assert growth.objects < 320

    def test_that_raise_leave_no_cycle(self) -> None:
        class Marker:
            pass

        marks: list[weakref.ref[Marker]] = []

        def fail() -> None:
            mark = Marker()
            marks.append(weakref.ref(mark))
            raise LookupError

        loop = sideloop.new_event_loop()
        loop.set_debug(False)  # where asyncio's Handle._run is used, which makes one
        loop.set_exception_handler(lambda *_: None)
        near, far = socket.socketpair()
        far.send(b"x")
        gc.collect()
        gc.disable()
        try:
            loop.call_soon(fail)
            loop.call_soon_threadsafe(fail)
            loop.call_later(0, fail)
            loop.add_reader(near, lambda: (loop.remove_reader(near), fail()))
            loop.call_later(0.001, loop.stop)
            loop.run_forever()
            assert len(marks) == 4
            assert [mark() for mark in marks] == [None] * 4
        finally:
            gc.enable()
            loop.close()
            near.close()
            far.close()


def by_ready(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon(lambda: loop)


def by_ready_from_a_thread(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(lambda: loop)


def by_timer(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(3600, lambda: loop)


def by_task(loop: asyncio.AbstractEventLoop) -> None:
    # Done, so that nobody complains of it.
    async def hold() -> asyncio.AbstractEventLoop:
        return loop

    loop.call_soon(lambda task: task, loop.create_task(hold()))
    loop.call_later(3600, lambda: loop)
    loop.call_soon(loop.stop)
    loop.run_forever()


def by_reader(loop: asyncio.AbstractEventLoop) -> Files:
    near, far = socket.socketpair()
    loop.add_reader(near, lambda: loop)
    return near, far


def by_exception_handler(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(lambda *_: loop)


def by_attribute(loop: asyncio.AbstractEventLoop) -> None:
    loop.itself = loop  # type: ignore[attr-defined]


class TestALoopThatIsDroppedUnclosed:
    @pytest.mark.parametrize(
        "fill",
        [
            by_ready,
            by_ready_from_a_thread,
            by_timer,
            by_task,
            by_reader,
            by_exception_handler,
            by_attribute,
        ],
        ids=lambda fill: fill.__name__,
    )
    def test_is_collected_with_what_refers_to_it(self, fill: Fill) -> None:
        # The first loop makes what is kept.
        make_run_close()
        with Growth.measured() as growth:
            loop = sideloop.new_event_loop()
            files = fill(loop)
            died = weakref.ref(loop)
            del loop
            with pytest.warns(ResourceWarning, match="unclosed event loop <EventLoop-"):
                gc.collect()
            # The warning's record held the loop: since CPython 3.15 it survives that collection, as
            # asyncio's own does.
            gc.collect()
            assert died() is None
            for file in files or ():
                file.close()
            del files
        assert growth.files == 0
