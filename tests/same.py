"""What tests share that do the same to two kinds of transports, and compare."""

from collections.abc import Callable


class Bytes(bytes):
    """Bytes that are none."""


def raising(name: str) -> Callable[..., None]:
    """What raises in the method of this name."""

    def act(*_: object) -> None:
        raise ValueError(name)

    return act


def pattern(size: int, start: int = 0) -> bytes:
    """Bytes to send, by which parts of them are known."""
    return (bytes(range(start, start + 16)) * (size // 16 + 1))[:size]
