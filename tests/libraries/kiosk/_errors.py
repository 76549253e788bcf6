"""What may go wrong."""


class KioskError(Exception):
    """Any of it."""

    code: int = 0


class SoldOutError(KioskError):
    """There is none left."""


__all__ = ["KioskError", "SoldOutError"]
