"""Drop-in for the loop of unsync, which runs the coroutine functions that it decorates.

    from sideloop.compat import unsync

    unsync.install()

Before or after unsync is imported and functions are decorated. The page "Move in" says what
changes.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from types import ModuleType
from typing import Any

from sideloop._base.soon import call_soon
from sideloop._runners.run_on import SubmitOn
from sideloop._runners.runner import Runner
from sideloop._sideloop import Handed
from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import PATIENCE, IoThread, runs_here

Future = concurrent.futures.Future

_io_thread = IoThread("unsync")


def install(runner: Runner | None = None) -> None:
    """Have coroutine functions that `unsync` decorates run on sideloop. Idempotent.

    Sync functions stay in unsync's own threads and processes.

    Args:
        runner: Runs them; without it one of their own does, named `unsync`. A loop that unsync has
            started before stays theirs, since futures that are there belong to it.

    Raises:
        RuntimeError: unsync is not as the drop-in knows it. Nothing is changed then.
    """
    _io_thread.use(runner)
    _drop_in.install()


def uninstall() -> None:
    """Give unsync its own bridge back. Idempotent.

    The loop stays, and with it the futures that are there; calls that are under way end.
    """
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    their_init = theirs.Unfuture.__init__

    def serve(cls: Any) -> None:
        loops, threads = [getattr(cls, "_loop", None)], [getattr(cls, "_thread", None)]
        _io_thread.loop(loops, threads)
        cls._loop, cls._thread = loops[0], threads[0]

    def loop(cls: Any) -> asyncio.AbstractEventLoop:
        """The loop of unsync's coroutines: that of a `sideloop.Runner`."""
        serve(cls)
        found: asyncio.AbstractEventLoop = cls._loop
        return found

    def thread(cls: Any) -> threading.Thread:
        """The thread that runs it."""
        serve(cls)
        found: threading.Thread = cls._thread
        return found

    def __init__(self: Any, future: Any = None) -> None:  # noqa: N807  # it becomes a method
        """The future of a coroutine, which begins, or of another future."""
        if asyncio.iscoroutine(future):
            self.concurrent_future, self.future = _begun(theirs.unsync.loop, future)
        else:
            their_init(self, future)

    return {
        "Unfuture.__init__": __init__,
        "unsync_meta.loop": property(loop),
        "unsync_meta.thread": property(thread),
    }


def _begun(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]
) -> "tuple[Future[Any], asyncio.Future[Any]]":
    """Put it on the loop. Its future for other threads, and that for coroutines there."""
    handed = Handed(coroutine)
    try:
        outer = SubmitOn(loop, PATIENCE)(handed)
    except BaseException:
        handed.close()
        raise
    inner = _Inner(outer, loop)

    def pass_in(_: object) -> None:
        handed.close()  # it may never have begun
        if runs_here(loop):
            inner.settle()
        else:
            call_soon(loop, inner.settle)

    outer.add_done_callback(pass_in)
    return outer, inner


class _Inner(asyncio.Future[Any]):
    """The future of a coroutine for others on its loop. To cancel it cancels the coroutine."""

    def __init__(self, outer: "Future[Any]", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._outer: Future[Any] | None = outer

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the coroutine; False if it has ended."""
        outer = self._outer
        if not super().cancel(msg):
            return False
        if outer is not None:
            outer.cancel()
        return True

    def settle(self) -> None:
        """The coroutine has ended. The loop is not to report that nobody asks for its exception."""
        outer, self._outer = self._outer, None
        if outer is None or self.done():
            return
        # As of any future: the outer one's own way is that of other threads, and slower.
        plain: Any = Future
        if outer.cancelled():
            super().cancel()
        elif (error := plain.exception(outer)) is not None:
            self.set_exception(error)
            self.exception()
        else:
            self.set_result(plain.result(outer))


_drop_in = DropIn(
    "unsync",
    "unsync.unsync",
    {
        "unsync": "(class)",
        "unsync_meta.loop": "(property)",
        "unsync_meta.thread": "(property)",
        "unsync_meta._init_loop": "(cls)",
        "Unfuture.__init__": "(self, future=None)",
        "Unfuture.result": "(self, *args, **kwargs)",
    },
    "1.4",
    _replace,
)
