"""Forks by what runs on a loop thread, which in the child is the only one: how the child ends.

`forked.py <where> <kind of loop>`. The parent checks each child, and that its own loops go on.
"""

import asyncio
import atexit
import contextlib
import ctypes
import os
import re
import select
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from pacing import PACE
from talks import FACTORY, Talk, add, check, manager, runner, shared

import sideloop


def without_slowness(said: str) -> str:
    """Without what asyncio's debug mode says of whatever takes a tenth of a second."""
    return re.sub(r"^Executing <.*> took \d+\.\d+ seconds\n", "", said, flags=re.MULTILINE)


@dataclass(frozen=True)
class Forked:
    """A child that was forked by what runs on a loop, and what it says."""

    pid: int
    said: int

    def check(self, way: str, code: int, *said: str) -> None:
        """It ends with this code, after its exit handlers, and has said this."""
        heard = b""
        while True:
            if not select.select([self.said], [], [], 20 * PACE)[0]:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"the child does not end, and has said {heard!r}")
            if not (more := os.read(self.said, 10_000)):
                break
            heard += more
        os.close(self.said)
        _, status = os.waitpid(self.pid, 0)
        lines = without_slowness(heard.decode()).splitlines()
        assert os.waitstatus_to_exitcode(status) == code, (way, status, lines)
        for line in ("the child", "its exit handler", *said):
            assert any(line in one for one in lines), (way, line, lines)
        if not said:
            assert len(lines) == 2, (way, lines)


forked: list[Forked] = []
"""By the parent, one after the other."""


def fork_here(way: str) -> object:
    """Fork on a loop thread; the child goes on in this way."""
    said, say = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(say)
        forked.append(Forked(pid, said))
        return "parent"
    os.close(said)
    os.dup2(say, 1)
    os.dup2(say, 2)
    os.close(say)
    atexit.register(print, "its exit handler")
    print("the child")  # and it flushes nothing
    if way == "exits":
        sys.exit(3)
    if way == "raises":
        raise ValueError("bad")
    if way == "interrupts":
        raise KeyboardInterrupt
    if way == "calls":
        check()
        sys.exit(4)
    return "child"


WAYS: dict[str, tuple[Any, ...]] = {
    "returns": (0,),
    "exits": (3,),
    "raises": (1, "ValueError: bad"),
    "interrupts": (130, "KeyboardInterrupt"),
    "calls": (4,),
}
"""What comes of the child, and what else it says."""


def each_way(
    place: Callable[[Callable[..., Any], str], object], *ways: str, runs: tuple[Any, ...] = ()
) -> None:
    """Fork in this place, in each of these ways: of all kinds of runners."""
    check()
    for run in runs or (manager.run_sync, shared.run_sync, runner.run):
        with Talk(run) as talk:
            for way in ways or WAYS:
                place(run, way)
                (child,) = forked
                forked.clear()
                child.check(way, *WAYS[way])
                talk.check()
    check()


async def forks(way: str) -> object:
    await asyncio.sleep(0.001)
    return fork_here(way)


def in_a_call() -> None:
    """In a call's coroutine."""

    def place(run: Callable[..., Any], way: str) -> None:
        assert run(forks, way) == "parent"

    each_way(place)


def in_the_first_step() -> None:
    """Before a call's coroutine has awaited anything."""

    async def forks_at_once(way: str) -> object:
        return fork_here(way)

    each_way(lambda run, way: run(forks_at_once, way))


def in_the_function() -> None:
    """In a function that returns an awaitable."""

    def function(way: str) -> Any:
        fork_here(way)
        return add(10, b=12)

    each_way(lambda run, way: run(function, way), "exits", "raises", "calls")


def in_a_nested_call() -> None:
    """On the loop thread of a nested call, while the outer loop's waits."""

    def place(run: Callable[..., Any], way: str) -> None:
        async def outer() -> object:
            return run(forks, way)

        assert run(outer) == "parent"

    each_way(place, runs=(manager.run_sync, shared.run_sync))


def in_a_task() -> None:
    """In a background task, and in one whose call waits for it."""

    def background(run: Callable[..., Any], way: str) -> None:
        async def begin() -> object:
            return asyncio.create_task(forks(way))

        async def wait(task: asyncio.Task[Any]) -> object:
            return await task

        assert run(wait, run(begin)) == "parent"

    def awaited(run: Callable[..., Any], way: str) -> None:
        async def wait() -> object:
            return await asyncio.create_task(forks(way))

        assert run(wait) == "parent"

    each_way(background)
    each_way(awaited)


def in_a_callback() -> None:
    """In a plain callback, and in a timer's."""

    def place(run: Callable[..., Any], way: str) -> None:
        async def wait(schedule: Callable[..., Any], *delay: float) -> None:
            enough = asyncio.Event()

            def fork() -> None:
                fork_here(way)
                enough.set()

            getattr(asyncio.get_running_loop(), schedule)(*delay, fork)
            await enough.wait()

        run(wait, "call_soon")
        forked.pop().check(way, *WAYS[way])
        run(wait, "call_later", 0.001)

    # uvloop loses the exit of a callback on its way out, which fails in the child.
    each_way(place, *(("returns", "raises") if sys.argv[2] == "uvloop" else WAYS))


def in_a_step() -> None:
    """In the steps of an iterator, and on the way into a context manager and out of it."""

    async def items(way: str) -> AsyncGenerator[object, None]:
        yield "first"
        yield fork_here(way)
        yield "last"

    @contextlib.asynccontextmanager
    async def context(way: str, *, late: bool) -> AsyncGenerator[object, None]:
        if not late:
            fork_here(way)
        yield "inside"
        if late:
            fork_here(way)

    for iterate, enter, run in (
        (manager.iterate, manager.enter, manager.run_sync),
        (runner.iterate, runner.enter, runner.run),
    ):

        def iterates(_: Callable[..., Any], way: str, iterate: Any = iterate) -> None:
            assert list(iterate(items(way))) == ["first", "parent", "last"]

        def enters(_: Callable[..., Any], way: str, enter: Any = enter) -> None:
            for late in (False, True):
                with enter(context(way, late=late)) as inside:
                    assert inside == "inside"
                if not late:
                    forked.pop().check(way, *WAYS[way])

        each_way(iterates, runs=(run,))
        each_way(enters, runs=(run,))


def in_a_cleanup() -> None:
    """While the runner is closed, and what is left on its loop unwinds."""
    check()
    kept: list[object] = []

    async def forks_late(way: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            fork_here(way)

    async def begin(way: str) -> None:
        kept.append(asyncio.create_task(forks_late(way)))
        await asyncio.sleep(0)

    for way in WAYS:
        with sideloop.Runner(loop_factory=FACTORY) as one:
            one.run(begin, way)
        forked.pop().check(way, *WAYS[way])
    check()


def that_awaits() -> None:
    """The child awaits: nobody runs a loop for it, and it is told."""
    check()

    async def awaits_a_turn() -> object:
        said = fork_here("returns")
        await asyncio.sleep(0)
        return said

    async def awaits_a_future() -> object:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        said = fork_here("returns")
        loop.call_soon(future.set_result, said)
        return await future

    async def awaits_in_a_task() -> object:
        return await asyncio.create_task(awaits_a_turn())

    for run in (manager.run_sync, runner.run):
        with Talk(run) as talk:
            for awaits in (awaits_a_turn, awaits_a_future, awaits_in_a_task):
                assert run(awaits) == "parent"
                forked.pop().check("awaits", 1, "the child cannot go on with it")
                talk.check()
    check()


def with_others_ready() -> None:
    """Of what else is on the loop, ready or due, nothing runs in the child."""
    check()
    ran_in: list[int] = []

    async def forks_among_others(way: str) -> object:
        loop = asyncio.get_running_loop()
        own = os.getpid()

        def other() -> None:
            if os.getpid() != own:
                os.write(1, b"the parent's callback\n")

        for _ in range(3):
            loop.call_soon(other)
        loop.call_later(0, other)
        await asyncio.sleep(0)
        said = fork_here(way)
        ran_in.append(os.getpid())
        return said

    async def begin(way: str) -> object:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(forks_among_others(way))
        for _ in range(3):
            loop.call_soon(asyncio.create_task, add(1, 2))
        return await task

    each_way(lambda run, way: run(begin, way))


def in_c_code() -> None:
    """C code forks on the loop thread, and none of Python's hooks run."""
    check()
    library = ctypes.PyDLL(None)

    async def forks_in_c(code: int | None) -> int:
        await asyncio.sleep(0)
        time.sleep(0.1)  # until no thread asks for the interpreter lock: see fork.py
        pid: int = library.fork()
        if pid == 0 and code is not None:
            sys.exit(code)
        return pid

    for run in (manager.run_sync, runner.run):
        for code in (3, None):
            with Talk(run) as talk:
                pid = run(forks_in_c, code)
                _, status = os.waitpid(pid, 0)
                assert os.waitstatus_to_exitcode(status) == (code or 0), status
                talk.check()
    check()


globals()[sys.argv[1]]()
print("the parent is undisturbed")
