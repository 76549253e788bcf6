"""TLS over native transports: asyncio's own, with what every record meets in Rust.

From CPython 3.11 on: before, asyncio's `SSLProtocol` was another one.
"""

import asyncio
import functools
import socket
from asyncio import base_events, selector_events, sslproto
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from sideloop._loops.transports import StreamTransport, fits
from sideloop._sideloop import TlsCore, TlsTransportCore, know_tls_transports, versions_of

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


class SSLTransport(TlsTransportCore, _StandardTransport):
    """What the protocol of a TLS connection writes to.

    Named so since some look for "ssl" there: CPython's own tests do.
    """

    __slots__ = ("_ssl_protocol",)

    _closed = True  # A finalizer asks, also where a signal handler has raised before.


class TlsProtocol(TlsCore, _Standard):
    """What stands between that and the transport of the socket."""

    max_size = 0
    """asyncio's constructor makes room of this size. What comes goes by the loop's."""

    def __init__(self, loop: Any, *args: Any, **options: Any) -> None:
        self._use_room(_room_of(loop))
        super().__init__(loop, *args, **options)

    def _get_app_transport(self) -> Any:
        if self._app_transport is None and not self._app_transport_created:
            self._app_transport = SSLTransport(self._loop, self)
            self._app_transport_created = True
        return super()._get_app_transport()


_OVERRIDDEN = (
    *("get_buffer", "buffer_updated", "_do_read", "_do_read__copied", "_do_read__buffered"),
    *("_control_ssl_reading", "_process_outgoing", "_control_app_writing", "_write_appdata"),
    *("_get_write_buffer_size", "_get_app_transport"),
)
_OVERRIDDEN_OF_TRANSPORT = ("write", "writelines")


def _methods() -> list[Any]:
    """Asyncio's methods that ours stand in front of, as they are now."""
    of_protocol, of_transport = vars(_Standard), vars(_StandardTransport)
    return [
        *map(of_protocol.get, _OVERRIDDEN),
        *map(of_transport.get, _OVERRIDDEN_OF_TRANSPORT),
    ]


_METHODS = _methods()

HAS_TLS = None not in _METHODS
"""Whether asyncio's classes are those that ours are made for."""

if HAS_TLS:
    know_tls_transports(SSLTransport)


def making_tls(loop: Any, sock: socket.socket, make: Callable[..., Any]) -> Callable[..., Any]:
    """Asyncio's `_make_ssl_transport`, which makes ours if this socket may have them."""
    return _with_ours(make) if fits(loop, sock) and _is_usual() else make


def starting_tls(loop: Any, transport: Any, start: Callable[..., Any]) -> Callable[..., Any]:
    """Asyncio's `start_tls`, which puts a protocol of ours over a transport of ours."""
    # Over others several might be read into the loop's room at once.
    is_ours = type(transport) in (StreamTransport, SSLTransport)
    return _with_ours(start) if is_ours and not loop.get_debug() and _is_usual() else start


_NAMES: Mapping[str, object] = {
    "_SelectorSocketTransport": StreamTransport,
    "sslproto": SimpleNamespace(SSLProtocol=TlsProtocol),
}


def _is_usual() -> bool:
    # Whoever has replaced asyncio's classes, or one of these methods, wants those.
    return (
        HAS_TLS
        and vars(sslproto)["SSLProtocol"] is _Standard
        and vars(sslproto)["_SSLProtocolTransport"] is _StandardTransport
        and _keep_methods()
    )


_usual_versions: tuple[int, ...] = ()
"""Of the two classes, when they had their own methods."""


def _keep_methods() -> bool:
    global _usual_versions
    versions = versions_of(_Standard, _StandardTransport)
    if versions != _usual_versions or 0 in versions:
        if _methods() != _METHODS:
            return False
        _usual_versions = versions
    return True


_IMPORTING = ("__builtins__", "__name__", "__package__", "__spec__")


@functools.cache
def _names_in(code: CodeType) -> frozenset[str]:
    """All that it may ask its module for, and functions in it."""
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return frozenset(code.co_names).union(*map(_names_in, inner))


def _is_asyncios(function: FunctionType) -> bool:
    return any(function.__globals__ is vars(module) for module in (base_events, selector_events))


def _with_ours(method: Callable[..., Any]) -> Callable[..., Any]:
    """A loop's method of asyncio's, in the words of each version, to which two names mean ours."""
    function = getattr(method, "__func__", None)
    # Whoever has replaced it wants that one.
    if type(function) is not FunctionType or not _is_asyncios(function):
        return method
    # What it looks up, as it is now, and what an import in it does.
    known = (*_IMPORTING, *_names_in(function.__code__))
    found = {name: function.__globals__[name] for name in known if name in function.__globals__}
    made = FunctionType(
        function.__code__,
        {**found, **_NAMES},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return MethodType(made, getattr(method, "__self__"))  # noqa: B009  # no attribute of a callable


def _room_of(loop: Any) -> memoryview:
    room: memoryview | None = loop._tls_room
    if room is None:
        room = loop._tls_room = memoryview(bytearray(ROOM))
    return room
