"""What a cell calls through: one loop, each entry to it, and somebody else who is on it, too."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pace import scaled

import sideloop
from sideloop import LoopManager, Runner

AsyncFn = Callable[..., Any]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

GRACE = 1.0

HANG = scaled(5.0)
"""Seconds after which a future hangs, which no `sideloop.timeout` ends."""


class OneItem:
    """An async iterator whose one item is what the function gives."""

    def __init__(self, async_fn: AsyncFn) -> None:
        self._async_fn: AsyncFn | None = async_fn

    def __aiter__(self) -> "OneItem":
        return self

    def __anext__(self) -> Any:
        if self._async_fn is None:
            raise StopAsyncIteration
        async_fn, self._async_fn = self._async_fn, None
        return async_fn()


class OneValue:
    """An async context manager that is entered as what the function gives."""

    def __init__(self, async_fn: AsyncFn) -> None:
        self._async_fn = async_fn

    def __aenter__(self) -> Any:
        return self._async_fn()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)


def only(items: Iterator[Any]) -> Any:
    (item,) = items
    return item


class Bridge:
    """A loop and a way to it."""

    def __init__(self, entry: str, drive: Any, factory: LoopFactory | None) -> None:
        self.entry = entry
        self.guest: GuestLoop | None = None
        self.runner: Runner | None = None
        self.manager: LoopManager | None = None
        if entry == "run_on":
            self.guest = GuestLoop(factory or sideloop.new_event_loop)
        elif entry in ("Runner.run", "submit"):
            self.runner = Runner(drive=drive, loop_factory=factory, grace=GRACE)
        elif entry == "map":
            self.manager = sideloop.loop_manager
        else:
            scope: Any = "process" if drive == "thread" else "thread"
            self.manager = LoopManager(drive=drive, scope=scope, loop_factory=factory, grace=GRACE)

    def run(self, async_fn: AsyncFn, *args: Any) -> Any:
        """A plain call."""
        if self.guest is not None:
            return sideloop.run_on(self.guest.loop, async_fn, *args)
        if self.runner is not None:
            return self.runner.run(async_fn, *args)
        assert self.manager is not None
        return self.manager.run_sync(async_fn, *args)

    def enter(self, async_fn: AsyncFn) -> Any:
        """The entry under test."""
        return getattr(self, f"_by_{self.entry.replace('.', '_').lower()}")(async_fn)

    def shares_its_loop(self) -> bool:
        """Whether a call of another thread comes to the same loop."""
        return self.entry not in ("map",)

    def close(self) -> None:
        if self.guest is not None:
            self.guest.close()
        for one in (self.runner, self.manager):
            if one is not None:
                one.close(GRACE)

    def _by_run_on(self, async_fn: AsyncFn) -> Any:
        return self.run(async_fn)

    def _by_runner_run(self, async_fn: AsyncFn) -> Any:
        return self.run(async_fn)

    def _by_run_sync(self, async_fn: AsyncFn) -> Any:
        return self.run(async_fn)

    def _by_submit(self, async_fn: AsyncFn) -> Any:
        assert self.runner is not None
        return self.runner.submit(async_fn).result(timeout=HANG)

    def _by_map(self, async_fn: AsyncFn) -> Any:
        with sideloop.map(lambda _item: async_fn(), [1]) as answers:
            return only(answers)

    def _by_synced(self, async_fn: AsyncFn) -> Any:
        assert self.manager is not None

        async def original() -> Any:
            return await async_fn()

        return self.manager.synced(original)()

    def _by_synced_class(self, async_fn: AsyncFn) -> Any:
        assert self.manager is not None

        class Original:
            async def method(self) -> Any:
                return await async_fn()

        return self.manager.synced(Original)().method()

    def _by_iterate(self, async_fn: AsyncFn) -> Any:
        assert self.manager is not None
        return only(self.manager.iterate(OneItem(async_fn)))

    def _by_enter(self, async_fn: AsyncFn) -> Any:
        assert self.manager is not None
        with self.manager.enter(OneValue(async_fn)) as value:
            return value


ENTRIES = (
    "run_sync",
    "Runner.run",
    "submit",
    "run_on",
    "map",
    "iterate",
    "enter",
    "synced",
    "synced_class",
)


class GuestLoop:
    """A loop that somebody else runs, and runs again when it has stopped."""

    def __init__(self, factory: LoopFactory) -> None:
        self.loop = factory()
        self._over = False
        self._thread = threading.Thread(target=self._main)
        self._thread.start()
        while not self.loop.is_running():
            pass

    def close(self) -> None:
        if self.loop.is_closed():
            return
        self._over = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _main(self) -> None:
        while not self._over:
            # As a program that goes on.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()


class Neighbour:
    """A call of another thread's on the same loop, or a task there, which must not be harmed."""

    def __init__(self, bridge: Bridge, threads: ThreadPoolExecutor, drive: str) -> None:
        self._bridge = bridge
        self._call: Future[Any] | None = None
        self._go: asyncio.Event | None = None
        self._task: asyncio.Task[str] | None = None
        bridge.run(self._start)
        if bridge.shares_its_loop() and drive != "caller":
            entered = threading.Event()
            self._call = threads.submit(bridge.run, self._wait, entered)
            assert entered.wait(scaled(20))

    def outcomes(self) -> list[Any]:
        """What comes of both, when they are let go."""
        found = [self._bridge.run(self._end)]
        if self._call is not None:
            found.append(self._call.exception(scaled(20)) or self._call.result())
        return found

    async def _start(self) -> None:
        self._go = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._wait(None))
        await asyncio.sleep(0)

    async def _wait(self, entered: threading.Event | None) -> str:
        assert self._go is not None
        if entered is not None:
            entered.set()
        await self._go.wait()
        return "undisturbed"

    async def _end(self) -> Any:
        assert self._go is not None
        assert self._task is not None
        task, running = self._task, asyncio.get_running_loop()
        if task.get_loop() is not running:
            return "on a loop that has ended"
        self._go.set()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        return outcome
