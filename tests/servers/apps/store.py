"""What the applications here are made of: async functions, and an object that lives on a loop."""

import asyncio
import os
from typing import Any

import sideloop

_options: Any = {
    "scope": os.environ.get("SCOPE", "thread"),
    "drive": os.environ.get("DRIVE", "thread"),
}
manager = sideloop.LoopManager(**_options)
"""As the default one, unless a test asks for another."""


async def double(number: int) -> int:
    """Take a turn of the loop."""
    await asyncio.sleep(0.001)
    return 2 * number


_met = 0


async def meet(others: int) -> int:
    """Wait until so many calls of this process wait here."""
    global _met
    _met += 1
    while _met < others:
        await asyncio.sleep(0.002)
    return _met


class AsyncStore:
    """Has a task of its own, which only its own loop runs."""

    def __init__(self) -> None:
        self._questions: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while True:
            number, answer = await self._questions.get()
            await asyncio.sleep(0)
            answer.set_result(2 * number)

    async def double(self, number: int) -> int:
        """Ask the task."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._questions.put_nowait((number, answer))
        return await answer


Store: Any = manager.synced(AsyncStore)

store: Any = None


def renew() -> None:
    """Make the object of this process: what a fork has copied lives on the parent's loop."""
    global store
    store = Store()


if manager.drive == "thread":
    renew()


def answer(path: str) -> str:
    """What is asked by a path such as `/double/3`, and by whom it is answered."""
    _, what, number = path.split("/")
    if what == "double":
        found = manager.run_sync(double, int(number))
    elif what == "meet":
        found = manager.run_sync(meet, int(number))
    else:
        if store is None:
            renew()
        found = store.double(int(number))
    return f"{os.getpid()} {found}"
