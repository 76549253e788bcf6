"""A client such as Modal's, built with synchronicity, and a program that uses it.

python functions.py theirs|ours

Functions of an app are called, mapped and spawned on a server; a queue is shared; while an app
runs, a task of its own tells the server that it is there, and what the server says is printed.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

if sys.argv[1] == "ours":
    from sideloop.compat import synchronicity as drop_in

    drop_in.install()

from synchronicity import Synchronizer

synchronizer = Synchronizer()


class Service:
    """The server: lines of JSON over TCP, each answered once its work is done."""

    def __init__(self) -> None:
        self.beats = 0
        self.queues: dict[str, asyncio.Queue[Any]] = {}

    async def start(self) -> int:
        """Serve, and say on which port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> int:
        """End, and say how often a client was heard."""
        self._server.close()
        return self.beats

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                what, *given = json.loads(line)
                writer.write(json.dumps(await getattr(self, f"_{what}")(*given)).encode() + b"\n")
        writer.close()

    async def _beat(self) -> None:
        self.beats += 1

    async def _call(self, name: str, given: Any) -> Any:
        await asyncio.sleep(0.002)
        if name == "fail":
            return {"error": f"{name} of {given}"}
        return {"value": given * given if name == "square" else [name, given]}

    async def _put(self, queue: str, item: Any) -> None:
        await self.queues.setdefault(queue, asyncio.Queue()).put(item)

    async def _get(self, queue: str) -> Any:
        return await self.queues.setdefault(queue, asyncio.Queue()).get()


class RemoteError(Exception):
    """What a function has raised there."""


class _Client:
    """A connection for each request at the time, kept for the next ones."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request(self, *words: Any) -> Any:
        """Ask, on a connection that nobody else uses."""
        if not self._free:
            self._free.append(await asyncio.open_connection("127.0.0.1", self._port))
        reader, writer = self._free.pop()
        try:
            writer.write(json.dumps(words).encode() + b"\n")
            found = json.loads(await reader.readline())
        except BaseException:  # cancelled: the answer that is to come is nobody's
            writer.close()
            raise
        self._free.append((reader, writer))
        return found

    async def close(self) -> None:
        """Close what is free."""
        while self._free:
            self._free.pop()[1].close()


class _FunctionCall:
    """One that goes on by itself."""

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self._task = task

    async def get(self, timeout: float | None = None) -> Any:
        """What has come of it."""
        return await asyncio.wait_for(asyncio.shield(self._task), timeout)


class _Function:
    """One of an app, by its name."""

    def __init__(self, client: _Client, name: str) -> None:
        self._client, self._name = client, name

    @property
    def name(self) -> str:
        """What it is called there."""
        return self._name

    async def remote(self, given: Any) -> Any:
        """Call it there."""
        found = await self._client.request("call", self._name, given)
        if "error" in found:
            raise RemoteError(found["error"])
        return found["value"]

    async def spawn(self, given: Any) -> _FunctionCall:
        """Call it, and do not wait."""
        return _FunctionCall(asyncio.create_task(self.remote(given)))

    async def map(self, items: Iterable[Any], at_once: int = 4) -> AsyncGenerator[Any, None]:
        """Call it for each, some at once, in their order."""
        pending: list[asyncio.Task[Any]] = []
        try:
            for item in items:
                pending.append(asyncio.create_task(self.remote(item)))
                if len(pending) == at_once:
                    yield await pending.pop(0)
            while pending:
                yield await pending.pop(0)
        finally:
            for task in pending:
                task.cancel()


class _Queue:
    """One that all who know its name share."""

    def __init__(self, client: _Client, name: str) -> None:
        self._client, self._name = client, name

    async def put(self, item: Any) -> None:
        """Add one."""
        await self._client.request("put", self._name, item)

    async def get(self) -> Any:
        """Wait for one."""
        return await self._client.request("get", self._name)


class _App:
    """What runs on the server."""

    def __init__(self, port: int) -> None:
        self._client = _Client(port)

    @classmethod
    async def lookup(cls, port: int) -> "_App":
        """Find it."""
        app = cls(port)
        await app._client.request("beat")
        return app

    @asynccontextmanager
    async def run(self) -> AsyncIterator["_App"]:
        """While it runs, tell the server so."""

        async def beat() -> None:
            while True:
                await self._client.request("beat")
                await asyncio.sleep(0.005)

        task = asyncio.create_task(beat())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._client.close()

    def function(self, name: str) -> _Function:
        """One of its functions."""
        return _Function(self._client, name)

    def queue(self, name: str) -> _Queue:
        """One of its queues."""
        return _Queue(self._client, name)


FunctionCall = synchronizer.create_blocking(_FunctionCall, "FunctionCall", __name__)
Function = synchronizer.create_blocking(_Function, "Function", __name__)
Queue = synchronizer.create_blocking(_Queue, "Queue", __name__)
App = synchronizer.create_blocking(_App, "App", __name__)
Server = synchronizer.create_blocking(Service, "Server", __name__)


def main() -> None:
    """Use it, as its users do: from sync code, from threads, from async code."""
    from concurrent.futures import ThreadPoolExecutor

    server = Server()
    app = App.lookup(server.start())
    module = type(synchronizer._get_loop()).__module__
    assert (module == "sideloop") == (sys.argv[1] == "ours"), module
    with app.run() as running:
        square, fail, queue = (
            running.function("square"),
            running.function("fail"),
            running.queue("shared"),
        )
        print(square.name, square.remote(11))
        print(list(square.map(range(20))))
        try:
            fail.remote(1)
        except RemoteError as error:
            print(error)
        call = square.spawn(12)
        print(call.get(), call.get(timeout=20))
        for number in square.map(range(1000)):
            if number > 50:
                break  # the rest is cancelled
        with ThreadPoolExecutor(8) as threads:
            waiting = [threads.submit(queue.get) for _ in range(4)]
            list(threads.map(queue.put, range(4)))
            print(sorted(one.result() for one in waiting))
            print(sum(threads.map(square.remote, range(100))))

        async def users() -> None:
            found = await asyncio.gather(*(square.remote.aio(n) for n in range(10)))
            print(found, [n async for n in square.map.aio(range(3))])
            async with app.run() as again:
                print(await again.function("square").remote.aio(3))

        asyncio.run(users())
    print(server.close() > 2)


if __name__ == "__main__":
    main()
