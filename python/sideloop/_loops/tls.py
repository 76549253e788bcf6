"""TLS over native transports: asyncio's own, with what every record meets in Rust.

From CPython 3.11 on: before, asyncio's `SSLProtocol` was another one.
"""

import asyncio
import socket
from asyncio import base_events, selector_events, sslproto
from collections.abc import Callable, Mapping
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from sideloop._loops.transports import StreamTransport, fits
from sideloop._sideloop import TlsCore, TlsTransportCore, know_tls_transports

if TYPE_CHECKING:

    class _Standard(asyncio.BufferedProtocol):
        """asyncio's own class, which typeshed does not know: what is used of it."""

        _app_transport: Any
        _app_transport_created: bool
        _loop: Any

        def __init__(self, loop: Any, *args: Any, **options: Any) -> None: ...
        def _get_app_transport(self) -> Any: ...

    class _StandardTransport(asyncio.Transport):
        """The same."""

        def __init__(self, loop: Any, ssl_protocol: Any) -> None: ...

else:
    _Standard = sslproto.SSLProtocol
    _StandardTransport = vars(sslproto)["_SSLProtocolTransport"]

ROOM = 256 * 1024
"""The most that is read at once, in bytes, as in asyncio."""


class TlsTransport(TlsTransportCore, _StandardTransport):
    """What the protocol of a TLS connection writes to."""

    __slots__ = ("_ssl_protocol",)


class TlsProtocol(TlsCore, _Standard):
    """What stands between that and the transport of the socket."""

    max_size = 0
    """asyncio's constructor makes room of this size, in which nothing would be read: what comes goes
    by the loop's."""

    def __init__(self, loop: Any, *args: Any, **options: Any) -> None:
        self._use_room(_room_of(loop))
        super().__init__(loop, *args, **options)

    def _get_app_transport(self) -> Any:
        if self._app_transport is None and not self._app_transport_created:
            self._app_transport = TlsTransport(self._loop, self)
            self._app_transport_created = True
        return super()._get_app_transport()


HAS_TLS = hasattr(_Standard, "_do_read__copied")
"""Whether asyncio's class is the one that ours is made for."""

if HAS_TLS:
    know_tls_transports(TlsTransport)


def fits_tls(loop: Any, sock: socket.socket) -> bool:
    """Whether TLS over this socket may be ours."""
    return fits(loop, sock) and _is_usual()


def make_tls(loop: Any, make: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What asyncio's `_make_ssl_transport` makes, of classes of ours."""
    names = {"_SelectorSocketTransport": StreamTransport, "sslproto": _OURS}
    return _with_names(make, selector_events, names)(loop, *args, **options)


def start_tls(loop: Any, start: Callable[..., Any], transport: Any) -> Callable[..., Any]:
    """asyncio's `start_tls`, which puts a protocol of ours over a transport of ours."""
    is_ours = type(transport) in (StreamTransport, TlsTransport)
    if not is_ours or loop.get_debug() or not _is_usual():
        return start
    return _with_names(start, base_events, {"sslproto": _OURS})


_OURS = SimpleNamespace(SSLProtocol=TlsProtocol)


def _is_usual() -> bool:
    # Whoever has replaced asyncio's classes wants those.
    return (
        HAS_TLS
        and sslproto.SSLProtocol is _Standard
        and vars(sslproto)["_SSLProtocolTransport"] is _StandardTransport
    )


def _with_names(
    function: Callable[..., Any], module: Any, names: Mapping[str, object]
) -> Callable[..., Any]:
    """A function of asyncio's, in the words of each version, to which some names mean ours."""
    if type(function) is not FunctionType or function.__globals__ is not vars(module):
        return function
    made = FunctionType(
        function.__code__,
        {**vars(module), **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _room_of(loop: Any) -> bytearray:
    room = loop._tls_room
    if room is None:
        room = loop._tls_room = bytearray(ROOM)
    return room
