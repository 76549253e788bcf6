"""Connections to the server, over asyncio's streams."""

import asyncio
from collections.abc import AsyncGenerator

from typing_extensions import Self

from shelf._manager import manager
from shelf.message import Request, Response

CHUNK = 64 * 1024


class AsyncConnection:
    """One connection to the server, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.requests = 0
        self.reusable = True

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    async def close(self) -> None:
        """Disconnect."""
        self.reusable = False
        self._writer.close()
        await self._writer.wait_closed()

    async def request(self, request: Request) -> Response:
        """Send a request and read all of the answer."""
        status, reason, headers = await self.send(request)
        content = b"".join([chunk async for chunk in self.receive(headers)])
        return Response(request, status, reason, headers, content)

    async def send(self, request: Request) -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
        self.reusable = False  # until the answer has been read to its end
        self.requests += 1
        said = {"host": "shelf", "content-length": str(len(request.body)), **request.headers}
        lines = [f"{request.method} {request.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in said.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + request.body)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.rstrip().split("\r\n")
        _, status, reason = f"{first} ".split(" ", 2)
        pairs = (line.partition(":") for line in rest)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return int(status), reason.strip(), headers

    async def receive(self, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await self._reader.readline(), 16):
                yield await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            await self._reader.readexactly(2)
        else:
            left = int(headers.get("content-length", "0"))
            while left:
                chunk = await self._reader.read(min(left, CHUNK))
                if not chunk:
                    raise ConnectionError("the server has hung up in the middle of an answer")
                left -= len(chunk)
                yield chunk
        self.reusable = headers.get("connection", "").lower() != "close"


Connection = manager.synced(AsyncConnection)
