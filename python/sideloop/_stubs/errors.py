"""Why there is no stub."""


class StubError(Exception):
    """A stub cannot be written."""
