"""The blocking portal of anyio, on asyncio: its calls come to its loop by sideloop."""

import asyncio
import concurrent.futures
import contextlib
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any

from sideloop._runners.options import GRACE
from sideloop._runners.run_on import LOOK, Served
from sideloop._runners.submit import Submitted
from sideloop._sideloop import Latch, generation
from sideloop.compat._group_task import GroupTask, OnLoop
from sideloop.compat._io_thread import PATIENCE, run_there

Future = concurrent.futures.Future


def portal_class(theirs: Any) -> Any:
    """The class in the place of `anyio.from_thread.BlockingPortal`, for that module."""
    base: Any = theirs.BlockingPortal

    class BlockingPortal(base):  # type: ignore[misc]  # known at run time alone
        """A blocking portal: lets other threads call what runs in the task group of this one."""

        def __init__(self) -> None:
            base.__init__(self)
            loop: Any = self._token.native_token
            on_asyncio = isinstance(loop, asyncio.AbstractEventLoop)
            self._ways = _Ways(theirs, self, loop) if on_asyncio else None

        def call(self, func: Callable[..., Any], *args: Any) -> Any:
            """Call a function, sync or async, in the portal's group and return what it returns.

            Raises:
                RuntimeError: The portal does not run, or the calling thread runs its loop.
                CancelledError: The portal was stopped, and has cancelled it.
            """
            if self._ways is None:
                return base.call(self, func, *args)
            return self._ways.call(func, args)

        def start_task_soon(self, func: Callable[..., Any], *args: Any, name: object = None) -> Any:
            """Start a function, sync or async, in the portal's group.

            Blocks until it is started. To cancel the future that this returns cancels it.

            Raises:
                RuntimeError: The portal does not run, or the calling thread runs its loop.
            """
            if self._ways is None:
                return base.start_task_soon(self, func, *args, name=name)
            return self._ways.start_soon(func, args, name)

        def start_task(self, func: Callable[..., Any], *args: Any, name: object = None) -> Any:
            """Start an async function in the portal's group; it says by `task_status` when it is.

            Returns:
                The future of its outcome, and what it has passed to `task_status.started()`.

            Raises:
                RuntimeError: It has ended without that; the portal does not run, or the calling
                    thread runs its loop.
            """
            if self._ways is None:
                return base.start_task(self, func, *args, name=name)
            return self._ways.start(func, args, name)

        def wrap_async_context_manager(self, cm: AbstractAsyncContextManager[Any]) -> Any:
            """The sync view of an async context manager: one task of the group visits it."""
            if self._ways is None:
                return base.wrap_async_context_manager(self, cm)
            return _Visited(self._ways, cm)

    return BlockingPortal


class _Ways:
    """The ways into a portal's group, from other threads."""

    def __init__(self, theirs: Any, portal: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._theirs = theirs
        self._portal = portal
        self._loop = loop
        self._generation = generation()

    def call(self, func: Callable[..., Any], args: Any) -> Any:
        """Wait for its end."""
        work = GroupTask(func, args, {})

        async def to_the_end() -> None:
            self.begin(work)
            await work.ended()

        self.run(func, to_the_end)
        return _unwrapped(work.unwrap)

    def start_soon(self, func: Callable[..., Any], args: Any, name: object) -> "Future[Any]":
        """Wait until it is started."""
        future = self._submit(GroupTask(func, args, {}), name)
        with _given_up(future):
            future.wait_until_begun()
        return future

    def start(self, func: Callable[..., Any], args: Any, name: object) -> "tuple[Future[Any], Any]":
        """Wait until it says that it is started."""
        told: Future[Any] = Future()
        status = self._theirs._BlockingPortalTaskStatus(told)
        work = GroupTask(func, args, {"task_status": status})
        told.add_done_callback(lambda _: self._loop.call_soon_threadsafe(work.say_ready))
        future = self._submit(work, name)
        with _given_up(future):
            self.run(func, work.ready)
        if told.done():
            return future, told.result()
        future.result()
        raise RuntimeError("Task exited without calling task_status.started()")

    def begin(self, work: GroupTask, name: object = None) -> None:
        """Start it in the group: on the loop's thread, in a copy of the caller's context."""
        sniffio: Any = sys.modules.get("sniffio")
        if sniffio is not None:
            # The caller's thread may run trio.
            sniffio.current_async_library_cvar.set("asyncio")
        work.begin(self._portal._task_group, self._theirs.CancelScope(), name)

    def run(self, func: Callable[..., Any], async_fn: Callable[[], Awaitable[Any]]) -> Any:
        """Await it on the loop, for a call that messages name by `func`."""
        self._check()
        return _unwrapped(run_there, self._loop, OnLoop(func, async_fn), (), {}, None)

    def _check(self) -> None:
        if self._generation != generation():
            raise RuntimeError(
                "This portal is not running: it was made before a fork, and its event loop is the "
                "parent's; start a portal in this process"
            )
        self._portal._check_running()

    def _submit(self, work: GroupTask, name: object) -> "_Submitted":
        async def to_the_end() -> Any:
            self.begin(work, name)
            future.begun.open()
            await work.ended()
            return work.unwrap()

        self._check()
        future = _Submitted(
            Served(self._loop, PATIENCE).by, OnLoop(work.func, to_the_end), (), {}, look=LOOK
        )
        future.send()
        return future


class _Submitted(Submitted[Any]):
    """The future of a task of the group, which one can wait for until it is begun."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.begun = Latch()

    def wait_until_begun(self) -> None:
        """Wait until its task is in the group, or never will be."""
        with self._nested():
            while not self.begun.is_open:
                self._check_comes()
                self.begun.wait(self._look)

    def _invoke_callbacks(self) -> None:
        self.begun.open()
        super()._invoke_callbacks()


@contextlib.contextmanager
def _given_up(future: "Future[Any]") -> Generator[None, None, None]:
    """Who leaves the block by an exception waits no more: the future's task is cancelled."""
    try:
        yield
    except BaseException:
        future.cancel()
        concurrent.futures.wait([future], GRACE)
        raise


def _unwrapped(function: Callable[..., Any], *args: Any) -> Any:
    """What it returns; cancelled, it raises what a future does that other threads wait for."""
    try:
        return function(*args)
    except asyncio.CancelledError:
        raise concurrent.futures.CancelledError from None


class _Visited(AbstractContextManager[Any]):
    """The sync view of an async context manager, which a task of the group enters and leaves."""

    _value: Any
    _reason: tuple[Any, Any, Any] = (None, None, None)

    def __init__(self, ways: _Ways, visited: AbstractAsyncContextManager[Any]) -> None:
        self._ways = ways
        self._visited = visited
        self._work = GroupTask(self._visit, (), {})

    def __enter__(self) -> Any:
        return self._ways.run(self._visited.__aenter__, self._enter)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None:
        self._reason = (exc_type, exc_value, traceback)
        try:
            left: bool | None = self._ways.run(self._visited.__aexit__, self._leave)
            return left
        finally:
            del self._reason  # its traceback holds this frame

    async def _enter(self) -> Any:
        self._left = asyncio.Event()
        self._ways.begin(self._work)
        await self._work.ready()
        return self._work.unwrap() if self._work.over else self._value

    async def _leave(self) -> Any:
        self._left.set()
        await self._work.ended()
        return self._work.unwrap()

    async def _visit(self) -> Any:
        self._value = await self._visited.__aenter__()
        self._work.say_ready()
        try:
            await self._left.wait()
        finally:
            # A group that is cancelled comes here before who has entered leaves.
            left = await self._visited.__aexit__(*self._reason)
        return left
