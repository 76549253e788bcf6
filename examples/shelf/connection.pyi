# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
"""Connections to the server, over asyncio's streams."""
from abc import ABCMeta
from sideloop import AsyncOriginal, SyncGenerator
import asyncio
from collections.abc import AsyncGenerator
from typing_extensions import Self
from shelf._manager import manager as manager
from shelf.message import Request as Request, Response as Response
CHUNK: int

class AsyncConnection:
    """One connection to the server, for one request at a time."""
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    requests: int
    reusable: bool
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
    async def close(self) -> None:
        """Disconnect."""
    async def request(self, request: Request) -> Response:
        """Send a request and read all of the answer."""
    async def send(self, request: Request) -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
    def receive(self, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""

class Connection(metaclass=ABCMeta):
    """One connection to the server, for one request at a time."""
    requests: int
    reusable: bool
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
    @classmethod
    def open(cls, host: str, port: int) -> Self:
        """Connect."""
    def close(self) -> None:
        """Disconnect."""
    def request(self, request: Request) -> Response:
        """Send a request and read all of the answer."""
    def send(self, request: Request) -> tuple[int, str, dict[str, str]]:
        """Send a request and read the head of the answer."""
    def receive(self, headers: dict[str, str]) -> SyncGenerator[bytes, None]:
        """Read the body of the answer, as it comes."""
    @AsyncOriginal
    def aio(self) -> AsyncConnection: ...
