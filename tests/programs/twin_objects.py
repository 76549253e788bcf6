"""Objects of twins in a fork's child, and when the interpreter exits: `twin_objects.py <what>`."""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

EARLIER: list[Callable[[], None]] = []
# Before sideloop's own handler is registered, so that it runs after that.
atexit.register(lambda: [handler() for handler in EARLIER])

import pytest  # noqa: E402
from in_child import in_child  # noqa: E402

import sideloop  # noqa: E402

# A fork of a process with threads is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)

LIMIT = 20


class AsyncClient:
    """Has a task on its loop, as one with a connection has."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.beats = asyncio.ensure_future(self._beat())
        self.name = "client"

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(0.01)

    async def get(self, n: int) -> int:
        async with self.lock:
            await asyncio.sleep(0)
            return n

    @property
    async def total(self) -> int:
        return await self.get(3)

    @property
    def plain(self) -> Any:
        return self.get(4)

    async def items(self) -> AsyncIterator[int]:
        while True:
            yield await self.get(5)

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        async with self.lock:
            yield

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *error: object) -> None: ...

    def __aiter__(self) -> "AsyncClient":
        return self

    async def __anext__(self) -> int:
        return await self.get(6)


Client: Any = sideloop.synced(AsyncClient)


def refused(use: Callable[[], object]) -> None:
    with pytest.raises(sideloop.RunnerClosedError, match="before the fork") as caught:
        use()
    assert "Client" in str(caught.value)
    assert "register_at_fork" in str(caught.value)


def enter(manager: Any) -> None:
    with manager:
        pass


def fork() -> None:
    """Every use of an object that the parent has made is refused; new ones work."""
    for manager in (
        None,
        sideloop.LoopManager(scope="process"),
        sideloop.LoopManager(drive="caller"),
    ):
        kind: Any = Client if manager is None else manager.synced(AsyncClient)
        client = kind()
        assert client.get(1) == 1
        begun = client.items()
        assert next(begun) == 5

        def check(kind: Any = kind, client: Any = client, begun: Any = begun) -> None:
            refused(lambda: client.get(1))
            refused(lambda: client.total)
            refused(lambda: client.plain)
            refused(lambda: next(client.items()))
            refused(lambda: enter(client.locked()))
            refused(lambda: enter(client))
            refused(lambda: next(client))
            refused(lambda: asyncio.run(client.get.aio(1)))
            refused(lambda: sideloop.run_sync(client.get.aio, 1))
            refused(lambda: list(sideloop.map(client.get.aio, [1])))
            with pytest.raises(RuntimeError, match="before the fork"):
                next(begun)
            assert client.name == "client"
            assert kind().get(2) == 2
            thread = threading.Thread(target=refused, args=(lambda: client.get(1),))
            thread.start()
            thread.join(LIMIT)
            assert not thread.is_alive()
            in_child(lambda: refused(lambda: client.get(1)))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the coroutine of `plain`
            in_child(check)
        # Undisturbed.
        assert client.get(7) == 7
        assert next(begun) == 5


def fork_anew() -> None:
    """The recipe of the guide."""
    holder: dict[str, Any] = {}

    def make() -> None:
        holder["client"] = Client()

    make()
    os.register_at_fork(after_in_child=make)
    assert holder["client"].get(1) == 1
    for _ in range(20):
        in_child(lambda: check_equal(holder["client"].get(2), 2))
    assert holder["client"].get(3) == 3


def check_equal(one: object, other: object) -> None:
    assert one == other, (one, other)


def exit_() -> None:
    """Objects in globals, in cycles, of threads that have ended, entered, half iterated."""
    kept = [Client() for _ in range(3)]
    thread = threading.Thread(target=lambda: kept.append(Client()))
    thread.start()
    thread.join(LIMIT)
    for client in kept:
        client.aio.me = client
    items = kept[-1].items()
    assert next(items) == 5
    kept[-1].__enter__()
    globals().update(kept=kept, items=items)
    atexit.register(lambda: check_equal(kept[-1].get(8), 8))
    daemon = threading.Thread(target=call_on, args=(kept[-1],), daemon=True)
    daemon.start()
    # Whoever is no daemon may go on for as long as it likes.
    threading.Thread(target=call_after, args=(kept[0], threading.main_thread())).start()


def call_on(client: Any) -> None:
    with contextlib.suppress(RuntimeError):
        while True:
            client.get(1)


def call_after(client: Any, main: threading.Thread) -> None:
    main.join(LIMIT)
    for n in range(100):
        assert client.get(n) == n


def after_exit() -> None:
    """A handler that runs after ours finds the loop of its object closed, and is told so."""
    client = Client()

    def late() -> None:
        with pytest.raises(sideloop.RunnerClosedError, match="began to exit"):
            client.get(1)
        print("told")

    EARLIER.append(late)


PROGRAMS = {"fork": fork, "fork_anew": fork_anew, "exit": exit_, "after_exit": after_exit}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
