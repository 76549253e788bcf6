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

from sideloop._loops.transports import StreamTransport
from sideloop._sideloop import (
    TlsCore,
    TlsTransportCore,
    fits,
    know_tls_transports,
    versions_of,
)

if TYPE_CHECKING:

    class _Standard(asyncio.BufferedProtocol):
        """asyncio's own class, which typeshed does not know: what is used of it."""

        def __init__(self, loop: Any, *args: Any, **options: Any) -> None: ...

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


_OVERRIDDEN = (
    *("__init__", "_set_app_protocol", "_set_read_buffer_limits", "_set_write_buffer_limits"),
    *("_get_app_transport", "_wakeup_waiter", "_set_state"),
    *("connection_made", "_start_handshake", "_do_handshake", "_on_handshake_complete"),
    *("get_buffer", "buffer_updated", "_do_read", "_do_read__copied", "_do_read__buffered"),
    *("_control_ssl_reading", "_process_outgoing", "_control_app_writing", "_write_appdata"),
    "_get_write_buffer_size",
    *("_start_shutdown", "_do_flush", "_do_shutdown", "_call_eof_received", "connection_lost"),
)
_OVERRIDDEN_OF_TRANSPORT = ("__init__", "write", "writelines")


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
    know_tls_transports(SSLTransport, TlsProtocol)


_MAKE = vars(selector_events.BaseSelectorEventLoop)["_make_ssl_transport"]


def makes_tls(loop: Any, sock: socket.socket, make: Callable[..., Any]) -> bool:
    """Whether `make_tls` does as asyncio's `_make_ssl_transport`, which this method is."""
    return getattr(make, "__func__", None) is _MAKE and fits(loop, sock) and _is_usual()


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
        and (versions_of(_Standard, _StandardTransport) == _usual_versions or _keep_methods())
    )


_usual_versions: tuple[int, ...] | None = None
"""Of the two classes, when they had their own methods."""


def _keep_methods() -> bool:
    global _usual_versions
    keep = _methods() == _METHODS
    versions = versions_of(_Standard, _StandardTransport)
    # A class that has none now changes unseen.
    _usual_versions = versions if keep and 0 not in versions else None
    return keep


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


def make_room() -> memoryview:
    """Room for what comes, which all TLS connections of a loop share."""
    return memoryview(bytearray(ROOM))
