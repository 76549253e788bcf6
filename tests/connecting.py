"""Programs that connect and accept, run on asyncio's transports and on ours, and what they note."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from endpoints import native_loop

Journal = list[Any]
Program = Callable[[asyncio.AbstractEventLoop, Journal], Awaitable[None]]

HOST = "127.0.0.1"


class Noted(asyncio.Protocol):
    """Notes what it is told in a journal that all share, under a name."""

    def __init__(self, journal: Journal, name: str) -> None:
        self.journal, self.name = journal, name
        journal.append((name, "made by the factory"))
        self.transport: Any = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.journal.append((self.name, "connection_made"))

    def data_received(self, data: bytes) -> None:
        self.journal.append((self.name, "data_received", data))

    def eof_received(self) -> bool | None:
        self.journal.append((self.name, "eof_received"))
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.journal.append((self.name, "connection_lost", type(exc).__name__))
        self.lost.set_result(None)


class Server:
    """A server whose ends are numbered, and which can be waited for."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.ends: list[Noted] = []

    def __call__(self) -> Noted:
        self.ends.append(Noted(self.journal, f"server {len(self.ends)}"))
        return self.ends[-1]

    async def until(self, count: int) -> None:
        while len(self.ends) < count or not all(end.lost.done() for end in self.ends):
            await asyncio.sleep(0.001)


def on(loop: asyncio.AbstractEventLoop, program: Program) -> Journal:
    """Run it, and close the loop. What the exception handler is told goes into the journal, too."""
    journal: Journal = []

    def report(_: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        journal.append(("report", type(error).__name__, str(error), sorted(context)))

    loop.set_debug(False)
    loop.set_exception_handler(report)
    try:
        loop.run_until_complete(asyncio.wait_for(program(loop, journal), 20))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    return journal


def both(program: Program) -> Journal:
    """The journal of ours, which is asyncio's."""
    standard = on(asyncio.SelectorEventLoop(), program)
    assert on(native_loop(), program) == standard
    return standard
