"""Our loop with asyncio's transports, for the suite."""

import selectors

import sideloop


class StandardTransportsLoop(sideloop.EventLoop):
    """Leaves the bytes to asyncio."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector, transports="asyncio")
