"""Drop-in for nest_asyncio: `run_until_complete` and `asyncio.run` where a loop runs already.

    from sideloop.compat import nest_asyncio

    nest_asyncio.install()

Before or after nest_asyncio is imported, but before its `apply` is called: that then patches
nothing of asyncio's insides. The page "Move in" says what changes.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

from sideloop._base.errors import deadlock_error
from sideloop._manager.manager import LoopManager
from sideloop._runners.drive import drive
from sideloop._sideloop import Handed
from sideloop.compat._drop_in import DropIn

_manager = LoopManager(name="nested")

_patched: dict[Any, Callable[..., Any]] = {}
"""Each class of loops that was patched, and its own `run_until_complete`."""

_run = asyncio.run


def install() -> None:
    """Have `nest_asyncio.apply` nest by sideloop. Idempotent.

    Raises:
        RuntimeError: nest_asyncio has patched asyncio already, which nobody can undo; or it is not
            as the drop-in knows it. Nothing is changed then.
    """
    if hasattr(asyncio, "_nest_patched"):
        raise RuntimeError(
            "nest_asyncio.apply() was called before, and has patched asyncio for good: call "
            "sideloop.compat.nest_asyncio.install() before that"
        )
    _drop_in.install()


def uninstall() -> None:
    """Give nest_asyncio its own `apply` back, and asyncio what ours has patched. Idempotent."""
    for kind, run_until_complete in list(_patched.items()):
        kind.run_until_complete = run_until_complete
        del _patched[kind]
    if asyncio.run is _nested_run:
        asyncio.run = _run
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def apply(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Have loops of this one's class, and `asyncio.run`, take calls where a loop runs already.

    What they are given runs on a loop of sideloop's then, on another thread, while the one that
    runs waits.

    Args:
        loop: Without it the one that runs, or else those that asyncio makes.
    """
    found = loop if loop is not None else asyncio._get_running_loop()
    kind: Any = asyncio.BaseEventLoop if found is None else _owner(type(found))
    if kind not in _patched:
        _patched[kind] = kind.run_until_complete
        kind.run_until_complete = _nesting(kind.run_until_complete)
    asyncio.run = _nested_run


def _owner(kind: type[asyncio.AbstractEventLoop]) -> Any:
    """The class that has the method. One that is native cannot be patched."""
    owner: Any = next(base for base in kind.__mro__ if "run_until_complete" in vars(base))
    try:
        owner.run_until_complete = owner.run_until_complete
    except TypeError:
        raise ValueError(f"Can't patch loop of type {kind}") from None
    return owner


def _nesting(own: Callable[..., Any]) -> Callable[..., Any]:
    def run_until_complete(self: asyncio.AbstractEventLoop, future: Any) -> Any:
        """As the original; where a loop runs already, by sideloop."""
        running = asyncio._get_running_loop()
        if running is None:
            return own(self, future)
        if running is not self and not self.is_running():
            handed = Handed(future)
            try:
                return drive(self, handed)
            finally:
                handed.close()
        if asyncio.isfuture(future):
            if future.done():
                return future.result()
            raise deadlock_error(f"run_until_complete of {self!r}", repr(future))
        return _manager.run_awaitable(future)

    return run_until_complete


def _nested_run(main: Awaitable[Any], **options: Any) -> Any:
    """As `asyncio.run`; where a loop runs already, by sideloop."""
    if asyncio._get_running_loop() is None:
        coroutine: Any = main
        return _run(coroutine, **options)
    return _manager.run_awaitable(main)


def _replace(_: ModuleType) -> Mapping[str, Any]:
    return {"apply": apply}


_drop_in = DropIn("nest-asyncio", "nest_asyncio", {"apply": "(loop=None)"}, "1.5 to 1.6", _replace)
