"""The future of a twin: what sync code gets of one that async code keeps."""

from typing import Any

from sideloop._twins.translate import ORIGINAL, Translated
from sideloop._views.future import SyncFuture


class KeptFuture(SyncFuture[Any], Translated):
    """Async code gets its own one in place of it."""

    def __init__(self, router: Any, future: Any, out: Any) -> None:
        super().__init__(router, future, out)
        self.__dict__[ORIGINAL] = future
        # By whose identity it is found, whatever becomes of it.
        self._found_by = future

    def _begun(self) -> Any:
        # A coroutine could be awaited no more.
        self.__dict__[ORIGINAL] = found = super()._begun()
        return found


KeptFuture.__name__, KeptFuture.__qualname__ = SyncFuture.__name__, SyncFuture.__qualname__
