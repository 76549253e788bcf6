"""The twins of a manager. What makes them is loaded with the first: most programs only call."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

from sideloop._sideloop import Router

if TYPE_CHECKING:
    from sideloop._twins.rename import Rename
    from sideloop._twins.translator import Manager, Settle, Translator


class Twins:
    """Makes the twins of one manager, which share a translator."""

    def __init__(self, manager: Manager, router: Router, settle: Settle) -> None:
        self._manager = manager
        self._router = router
        self._settle = settle
        self._made: list[Translator] = []

    def of(
        self, target: Any, caller: FrameType, *, deep: bool = False, rename: Rename | None = None
    ) -> Any:
        """The sync twin. `caller` is the frame of the statement that asks for it."""
        from sideloop._twins.wrap import wrap

        return wrap(self._translator(), target, caller, deep=deep, rename=rename)

    def _translator(self) -> Translator:
        from sideloop._twins.translator import Translator
        from sideloop._twins.twin_class import unnamed_twin_of

        if not self._made:
            made = Translator(self._manager, self._router, self._settle, unnamed_twin_of)
            self._made.append(made)
        return self._made[0]  # also where two threads have made one at once
