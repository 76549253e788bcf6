"""Our loop with transports of its own, for the suite."""

import selectors

import sideloop


class NativeLoop(sideloop.EventLoop):
    """Moves the bytes of stream sockets itself."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector, transports="native")
