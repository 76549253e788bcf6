"""A server in a process of its own: an application on one loop, until its standard input ends.

    python benches/_served.py LOOP APPLICATION

Prints the port that it listens at.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
# A server may be absent where this is type-checked.

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from _loops import IO_LOOPS

BODY = b"Hello, world!"

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)

BACKLOG = 4096

IDLE = 3600
"""Seconds that a connection may ask nothing: others have their turn."""

Message = MutableMapping[str, Any]
Serve = Callable[[socket.socket], Awaitable[object]]


async def _application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001  # as ASGI has it
    send: Callable[[Message], Awaitable[None]],
) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def _uvicorn(listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        _application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="error",
        timeout_keep_alive=IDLE,
    )
    server = uvicorn.Server(config)
    await server.serve(sockets=[listening])


async def _aiohttp(listening: socket.socket) -> None:
    from aiohttp import web

    async def hello(request: object) -> object:  # noqa: ARG001  # as aiohttp has it
        return web.Response(body=BODY)

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=IDLE)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=BACKLOG).start()
    await asyncio.Event().wait()


class _Plain(asyncio.Protocol):
    """Answers each request in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def _protocol(listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(_Plain, sock=listening, backlog=BACKLOG)
    await asyncio.Event().wait()


APPLICATIONS: dict[str, tuple[str | None, Serve]] = {
    "uvicorn": ("uvicorn", _uvicorn),
    "aiohttp": ("aiohttp", _aiohttp),
    "protocol": (None, _protocol),
}
"""What serves, and the distribution it comes from."""


def main() -> None:
    """Serve until nobody wants that any more."""
    (peer,) = (peer for peer in IO_LOOPS if peer.name == sys.argv[1])
    _, serve = APPLICATIONS[sys.argv[2]]
    # With the protocol's number, as loops make it: asyncio sets TCP_NODELAY only where it is told.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    loop = peer.make()
    asyncio.set_event_loop(loop)
    # Nothing else is to be done at its end: the connections are the client's, who goes with it.
    loop.add_reader(sys.stdin.fileno(), os._exit, 0)
    print(listening.getsockname()[1], flush=True)
    loop.run_until_complete(serve(listening))


if __name__ == "__main__":
    main()
