"""Hosts that are numbers: nobody has to be asked for their addresses."""

# gevent and eventlet replace what is in `socket`.
import _socket


def is_numeric(host: object, port: object) -> bool:
    """Whether `getaddrinfo` knows the answer by itself, without a file or a server."""
    if type(host) is not str or not (port is None or type(port) is int):
        return False
    if ":" in host:
        # One with a scope (`%eth0`) is of an interface, which has to be looked up.
        return _is_of(_socket.AF_INET6, host)
    # A look that costs less than an exception, which most names would be.
    return host[-1:].isdecimal() and _is_of(_socket.AF_INET, host)


def _is_of(family: int, host: str) -> bool:
    try:
        _socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True
