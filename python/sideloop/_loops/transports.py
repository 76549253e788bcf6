"""The native transports of an event loop: asyncio's, with the moving of bytes in Rust, on Linux."""

import _socket
import asyncio
import contextvars
import functools
import os
import socket
from asyncio import selector_events, unix_events
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sideloop._sideloop import (
    DatagramCore,
    Datagrams,
    PipeEnd,
    ReadPipeCore,
    TransportCore,
    WritePipeCore,
    know_datagrams,
    know_pipes,
    know_transports,
    send_before_fork,
)

if TYPE_CHECKING:

    class _Standard(asyncio.Transport):
        """asyncio's own class, which typeshed does not know: what is used of it."""

        def __init__(self, *args: Any, **options: Any) -> None: ...
        def _force_close(self, exc: BaseException | None) -> None: ...
        def _make_empty_waiter(self) -> asyncio.Future[None]: ...

    class _StandardDatagram(asyncio.DatagramTransport):
        """The same."""

        _extra: dict[str, Any]

        def __init__(self, loop: Any, sock: socket.socket, *args: Any, **options: Any) -> None: ...

    class _StandardReadPipe(asyncio.ReadTransport):
        """The same."""

        _loop: Any
        _fileno: int
        _protocol: asyncio.Protocol
        _call_connection_lost: Callable[[BaseException | None], None]

        def __init__(self, loop: Any, pipe: Any, *args: Any, **options: Any) -> None: ...

    class _StandardWritePipe(asyncio.WriteTransport):
        """The same."""

        def __init__(self, loop: Any, pipe: Any, *args: Any, **options: Any) -> None: ...

else:
    _Standard = vars(selector_events)["_SelectorSocketTransport"]
    _StandardDatagram = vars(selector_events)["_SelectorDatagramTransport"]
    _StandardReadPipe = vars(unix_events)["_UnixReadPipeTransport"]
    _StandardWritePipe = vars(unix_events)["_UnixWritePipeTransport"]


class StreamTransport(TransportCore, _Standard):
    """A connected TCP or Unix stream socket.

    What is written in a turn of the loop leaves with its end, in one system call; what is here has
    it leave before something that would show that it has not.
    """

    __slots__ = ("_stream",)

    def __init__(
        self,
        loop: Any,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: "asyncio.Future[None] | None" = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: contextvars.Context | None = None,
    ) -> None:
        # What asyncio's own does, or that itself: since CPython 3.15 that keeps a context.
        self._begin(loop, sock, protocol, waiter, extra, server, context)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio knows of the connection."""
        if name == "socket":
            self._send_gathered()
        return super().get_extra_info(name, default)

    def write_eof(self) -> None:
        """Close the writing half, when all has left."""
        self._send_gathered()
        super().write_eof()

    def pause_reading(self) -> None:
        """Read no more for now. What sends files and what starts TLS begin with it."""
        self._send_gathered()
        super().pause_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say of how much the protocol is told. For what is gathered the old limits hold."""
        self._send_gathered()
        super().set_write_buffer_limits(high=high, low=low)

    def _force_close(self, exc: BaseException | None) -> None:
        self._send_gathered()
        super()._force_close(exc)

    def _make_empty_waiter(self) -> asyncio.Future[None]:
        self._send_gathered()
        return super()._make_empty_waiter()


know_transports(StreamTransport)


class DatagramTransport(DatagramCore, _StandardDatagram):
    """A UDP socket.

    What has come is read as long as there is something, and what is written is sent at once. What
    the socket does not take at once is sent by asyncio's own methods.
    """

    __slots__ = ("_datagrams",)

    def __init__(self, loop: Any, sock: socket.socket, *args: Any, **options: Any) -> None:
        self._datagrams = Datagrams()
        super().__init__(loop, sock, *args, **options)
        is_connected = bool(self._extra["peername"])
        self._datagrams.know_socket(sock.family == socket.AF_INET6, is_connected)


know_datagrams(DatagramTransport)


class ReadPipeTransport(ReadPipeCore, _StandardReadPipe):
    """The end of a pipe that is read from."""

    __slots__ = ("_pipe_end",)

    _pipe: Any = (
        None  # A finalizer asks, also where a signal handler has raised before there is one.
    )

    def __init__(self, loop: Any, pipe: Any, *args: Any, **options: Any) -> None:
        self._pipe_end = PipeEnd()
        super().__init__(loop, pipe, *args, **options)

    def _end(self) -> None:
        self._closing = True
        self._loop._remove_reader(self._fileno)
        self._loop.call_soon(self._protocol.eof_received)
        self._loop.call_soon(self._call_connection_lost, None)


class WritePipeTransport(WritePipeCore, _StandardWritePipe):
    """The end of a pipe that is written to. What it takes at once is written at once."""

    __slots__ = ("_pipe_end",)

    _pipe: Any = None  # As above.

    def __init__(self, loop: Any, pipe: Any, *args: Any, **options: Any) -> None:
        self._pipe_end = PipeEnd()
        super().__init__(loop, pipe, *args, **options)


know_pipes(ReadPipeTransport, WritePipeTransport)


# As numbers: to make members of enumerations of them takes longer than the rest.
_type_of: Callable[[socket.socket], int] = vars(_socket.socket)["type"].__get__
_family_of: Callable[[socket.socket], int] = vars(_socket.socket)["family"].__get__


@functools.cache
def prepare() -> None:
    """Have what was written before a fork leave before it. Once."""
    os.register_at_fork(before=send_before_fork)


def fits_datagrams(loop: Any, sock: socket.socket) -> bool:
    """Whether this socket of datagrams may have a native transport."""
    return (
        _are_usual(loop, sock)
        and _type_of(sock) == socket.SOCK_DGRAM
        and _family_of(sock) in (socket.AF_INET, socket.AF_INET6)
        and vars(selector_events)["_SelectorDatagramTransport"] is _StandardDatagram
    )


def fits_pipes(loop: Any) -> bool:
    """Whether pipes may have native transports."""
    return (
        _is_usual(loop)
        and vars(unix_events)["_UnixReadPipeTransport"] is _StandardReadPipe
        and vars(unix_events)["_UnixWritePipeTransport"] is _StandardWritePipe
    )


_CHECKS = (
    "_ensure_fd_no_transport"
    in vars(selector_events.BaseSelectorEventLoop)["_make_socket_transport"].__code__.co_names
)


def check_unused(loop: Any, sock: socket.socket) -> None:
    """Refuse a socket that has a transport already, where asyncio does: since CPython 3.14."""
    if _CHECKS:
        loop._ensure_fd_no_transport(sock)


def _are_usual(loop: Any, sock: socket.socket) -> bool:
    # gevent's and eventlet's are of classes of their own, and so are stand-ins.
    return type(sock) is socket.socket and _is_usual(loop)


def _is_usual(loop: Any) -> bool:
    # It is not polled natively otherwise.
    return loop._hears_bell and not loop.get_debug()
