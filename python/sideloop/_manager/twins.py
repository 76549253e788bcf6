"""The twins of a manager. What makes them is loaded with the first: most programs only call."""

from __future__ import annotations

import _frozen_importlib
import importlib
import os
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from sideloop._base.signals import PutOff
from sideloop._sideloop import Router, check_not_finalizing

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
        if not _loading.done:
            check_not_finalizing(target)
            _loading.load()
        from sideloop._twins.wrap import wrap

        return wrap(self._translator(), target, caller, deep=deep, rename=rename)

    def _translator(self) -> Translator:
        from sideloop._twins.handed import handed
        from sideloop._twins.translator import Makers, Translator
        from sideloop._twins.twin_class import unnamed_twin_of

        if not self._made:
            makers = Makers(unnamed_twin_of, handed)
            made = Translator(self._manager, self._router, self._settle, makers)
            self._made.append(made)
        return self._made[0]  # also where two threads have made one at once


class _Loading:
    """Loads what makes twins, once."""

    done = False

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by: int | None = None
        self._put_off = PutOff()

    def load(self) -> None:
        """Load it, or wait for the thread that does. Signal handlers wait: they may make twins."""
        if self._by == threading.get_ident():
            raise RuntimeError(
                "no twin can be made here: what makes them is just being loaded, by the code that "
                "this interrupts (a finalizer, or a tracing function); make the twin before, as "
                "the module is imported for example"
            )
        with self._lock:
            if self.done:
                return
            self._put_off = PutOff()
            with self._put_off:
                self._import()

    def _import(self) -> None:
        self._by = threading.get_ident()
        try:
            for made_by in ("sideloop._twins.handed", "sideloop._twins.wrap"):
                importlib.import_module(made_by)
            self.done = True
        finally:
            self._by = None

    def forget_inherited(self) -> None:
        """In a fork's child: a thread that was loading is not here to go on."""
        self._put_off.forget_inherited()
        if self._by == threading.get_ident():
            return
        self._lock = threading.RLock()
        self._put_off.end()
        if self._by is None:
            return
        self._by = None
        # Its modules are half made, and their import would wait for that thread.
        for held in (sys.modules, getattr(_frozen_importlib, "_module_locks", {})):
            for name in [name for name in held if name.startswith("sideloop._twins.")]:
                del held[name]


_loading = _Loading()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loading.forget_inherited)
