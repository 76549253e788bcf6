"""Drop-in for the blocking portals of `anyio.from_thread`, on asyncio.

    from sideloop.compat import anyio

    anyio.install()

Before or after anyio is imported. The page "Move in" says what changes.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import importlib
import threading
from collections.abc import Generator, Mapping
from types import ModuleType
from typing import Any

from sideloop._loops.making import LoopFactory
from sideloop._runners.runner import Runner
from sideloop.compat._drop_in import DropIn
from sideloop.compat._portal import portal_class


def install() -> None:
    """Have new portals call by sideloop, and `start_blocking_portal` run one of its loops.

    Idempotent. Portals on trio, and `anyio.from_thread.run` and `run_sync`, stay anyio's, and so do
    portals that are open.

    Raises:
        RuntimeError: anyio is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Have new portals be anyio's own again. Idempotent. Those that are open stay ours."""
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    start_theirs = theirs.start_blocking_portal
    portal_of_ours = portal_class(theirs)

    @contextlib.contextmanager
    def start_blocking_portal(
        backend: str = "asyncio",
        backend_options: dict[str, Any] | None = None,
        *,
        name: str | None = None,
    ) -> Generator[Any, Any, None]:
        """A portal in the main task of a new event loop: that of a `sideloop.Runner`.

        Raises:
            LookupError: There is no such backend.
        """
        if backend != "asyncio":
            with start_theirs(backend, backend_options, name=name) as portal:
                yield portal
            return
        options = backend_options or {}
        runner = Runner(
            name="asyncio-portal" if name is None else name,
            debug=options.get("debug"),
            loop_factory=_loop_factory(options),
        )
        try:
            with _open(runner, portal_of_ours, name) as portal:
                yield portal
        finally:
            runner.close()

    return {"BlockingPortal": portal_of_ours, "start_blocking_portal": start_blocking_portal}


def _loop_factory(options: Mapping[str, Any]) -> LoopFactory | None:
    factory: LoopFactory | None = options.get("loop_factory")
    if factory is None and options.get("use_uvloop"):
        factory = importlib.import_module("uvloop").new_event_loop
    return factory


@contextlib.contextmanager
def _open(runner: Runner, portal_of: Any, name: str | None) -> Generator[Any, Any, None]:
    """A portal in a task of this runner. What is started in it has ended when the block is left."""
    opened: concurrent.futures.Future[Any] = concurrent.futures.Future()

    async def run_portal() -> None:
        async with portal_of() as portal:
            if name is None:
                threading.current_thread().name = f"asyncio-portal-{id(portal):x}"
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    async def wait() -> Any:
        return await asyncio.wrap_future(opened)

    # As on a thread of its own: in no context of who opens it.
    main = contextvars.Context().run(runner.submit, run_portal)
    main.add_done_callback(lambda _: opened.cancel())
    try:
        portal = runner.run(wait)
    except asyncio.CancelledError:
        main.result()
        raise
    cancel_remaining = False
    try:
        yield portal
    except BaseException:
        cancel_remaining = True
        raise
    finally:
        # It may have stopped before, or its loop; a fork's child has but a copy of it.
        with contextlib.suppress(RuntimeError):
            portal.call(portal.stop, cancel_remaining)
        with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):
            main.exception()


_drop_in = DropIn(
    "anyio",
    "anyio.from_thread",
    {
        "current_token": "()",
        "start_blocking_portal": "(backend='asyncio', backend_options=None, *, name=None)",
        "BlockingPortal": "(class)",
        "BlockingPortal.__init__": "(self)",
        "BlockingPortal.call": "(self, func, *args)",
        "BlockingPortal.start_task_soon": "(self, func, *args, name=None)",
        "BlockingPortal.start_task": "(self, func, *args, name=None)",
        "BlockingPortal.wrap_async_context_manager": "(self, cm)",
        "BlockingPortal._check_running": "(self)",
        "CancelScope": "(class)",
        "_BlockingPortalTaskStatus": "(class)",
    },
    "4.12 to 4.16",
    _replace,
)
