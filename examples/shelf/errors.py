"""What may go wrong. Sync and async users catch the same."""


class ShelfError(Exception):
    """The server has refused a request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class NotFoundError(ShelfError):
    """There is no such thing on the shelf."""


class AuthError(ShelfError):
    """The server does not know who is asking."""


def error_of(status: int, reason: str) -> ShelfError:
    """The error that a status stands for."""
    kinds: dict[int, type[ShelfError]] = {401: AuthError, 404: NotFoundError}
    return kinds.get(status, ShelfError)(status, reason)
