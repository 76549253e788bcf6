"""Hosts that are numbers: nobody has to be asked for their addresses."""

# gevent and eventlet replace what is in `socket`.
import _socket
import socket
import sys
from typing import Any

_STANDARD = socket.getaddrinfo if socket.getaddrinfo.__module__ == "socket" else None

_KINDS = {
    int(kind): (kind, int(proto))
    for kind, proto in (
        (socket.SOCK_STREAM, socket.IPPROTO_TCP),
        (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    )
}
"""The kinds of which there is one protocol."""

_Address = tuple[str, int] | tuple[str, int, int, int]


def is_numeric(host: object, port: object) -> bool:
    """Whether `getaddrinfo` knows the answer by itself, without a file or a server."""
    if type(host) is not str or not (port is None or type(port) is int):
        return False
    if ":" in host:
        # One with a scope (`%eth0`) is of an interface, which has to be looked up.
        return _is_of(_socket.AF_INET6, host)
    # A look that costs less than an exception, which most names would be.
    return host[-1:].isdecimal() and _is_of(_socket.AF_INET, host)


def addresses_of(
    host: str, port: int | None, family: Any, kind: Any, proto: Any, flags: Any
) -> list[tuple[Any, ...]]:
    """What `socket.getaddrinfo` answers for a host that is a number."""
    found = socket.AF_INET6 if ":" in host else socket.AF_INET
    known = _KINDS.get(kind) if isinstance(kind, int) else None
    number = port or 0
    if (
        socket.getaddrinfo is not _STANDARD  # Whoever has replaced it wants to be asked.
        or known is None
        or flags
        or family not in (0, found)
        or proto not in (0, known[1])
        or not 0 <= number <= 0xFFFF
    ):
        return [*socket.getaddrinfo(host, port, family=family, type=kind, proto=proto, flags=flags)]
    sys.audit("socket.getaddrinfo", host, port, family, kind, proto)
    address: _Address = (host, number)
    if found is socket.AF_INET6:
        packed = _socket.inet_pton(found, host)
        address = (_socket.inet_ntop(found, packed), number, 0, 0)
    return [(found, *known, "", address)]


def _is_of(family: int, host: str) -> bool:
    try:
        _socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True
