"""Enter: the sync view of asynchronous context managers."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

from sideloop._sideloop import Host, OneAtATime, Router, call_name
from sideloop._views.host import attend

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class SyncContextManager(AbstractContextManager[T_co, bool]):
    """The sync view of an asynchronous context manager: what `synced` and `enter` return.

    It is made, entered and exited on one loop in one task, in a copy of the context of the caller
    who enters: so cancel scopes and time limits last as long as the block. The block itself runs on
    the calling thread. Its exception goes to `__aexit__`, which may suppress it or raise another.

    Entering and exiting block the calling thread, and are limited and interrupted as a call of
    `run_sync` is; exiting has the grace at least. One that is cancelled between the two (its
    runner is closed, or it is a time limit that is over) exits at once, and the block gets that at
    its end.

    May be entered again after it was left, if what it views may.

    Raises:
        RuntimeError: It is entered already, or was not entered.
        ValueError: Another thread, or a signal handler, is just entering or leaving it.

    >>> import contextlib, sideloop
    >>> @sideloop.synced
    ... @contextlib.asynccontextmanager
    ... async def connection(name: str):
    ...     print("open", name)
    ...     yield name.upper()
    ...     print("close", name)
    >>> with connection("a") as opened:
    ...     print("use", opened)
    open a
    use A
    close a
    """

    # A signal handler may raise while one is made, and it is collected all the same.
    _visit: "Visit[T_co] | None" = None
    _host: Host | None = None

    def __init__(
        self,
        router: Router,
        async_fn: object,
        make: Callable[[], AbstractAsyncContextManager[T_co, bool | None]],
        view: Callable[[Any], Any] = lambda entered: entered,
    ) -> None:
        self._router = router
        self._async_fn = async_fn
        self._make = make
        self._view = view
        # Around what is noted of a step as well: who is refused has changed nothing.
        self._stepping = OneAtATime(
            async_fn,
            "is being entered or left already, by another thread or under a signal handler; let "
            "one thread at a time use it",
        )

    def __enter__(self) -> T_co:
        with self._stepping:
            host, visit = self._begin()
            try:
                viewed: T_co = self._view(host.run(visit.enter))
            except BaseException as error:
                if visit.entered:  # a signal handler's: the block will not be, so nor its end
                    self._end()
                    host.run_last(visit.exit, type(error), error, error.__traceback__)
                raise
            return viewed

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            with self._stepping:
                host, visit = self._end()
                return bool(host.run_last(visit.exit, kind, error, traceback))
        finally:
            del error, traceback  # else it would hold itself, if it is raised again

    def _begin(self) -> "tuple[Host, Visit[T_co]]":
        """Where to enter, and what. Apart, so that a traceback shows one frame of ours."""
        if self._host is not None and not self._host.over:
            raise RuntimeError(f"{self!r} is entered already")
        self._visit = Visit(self._make)
        self._host = Host(self._router, self._async_fn, attend, self._visit.rescue)
        return self._host, self._visit

    def _end(self) -> "tuple[Host, Visit[T_co]]":
        """Where to leave, and what."""
        if self._host is None or self._visit is None:
            raise RuntimeError(f"{self!r} was not entered")
        host, visit, self._host = self._host, self._visit, None
        return host, visit

    def __del__(self) -> None:
        if self._host is not None and self._visit is not None:
            # Entered, and never left: as a generator that is collected.
            self._host.collect(self._visit.drop)

    def __repr__(self) -> str:
        return f"<sideloop.SyncContextManager of {call_name(self._async_fn)}>"


class Visit(Generic[T]):
    """One time that a context manager is entered and left, as its task sees it."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T, bool | None]]) -> None:
        self._make = make
        self._manager: AbstractAsyncContextManager[T, bool | None] | None = None

    @property
    def entered(self) -> bool:
        """Whether it was entered, and not left."""
        return self._manager is not None

    async def enter(self) -> T:
        manager = self._make()
        entered = await type(manager).__aenter__(manager)
        self._manager = manager
        return entered

    async def exit(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        manager, self._manager = self._manager, None
        if manager is None:
            return False  # the rescue has
        try:
            return await type(manager).__aexit__(manager, kind, error, traceback)
        finally:
            del error, traceback  # else it would hold itself, if it is raised again

    async def drop(self) -> None:
        error = GeneratorExit()
        await self.exit(GeneratorExit, error, None)

    def forget(self) -> None:
        """It will not be left: whoever has entered it goes on with what that gave."""
        self._manager = None

    async def rescue(self, cancellation: BaseException) -> None:
        kind, traceback = type(cancellation), cancellation.__traceback__
        if not await self.exit(kind, cancellation, traceback):
            raise cancellation


def enter(
    router: Router, async_context_manager: AbstractAsyncContextManager[T, bool | None]
) -> SyncContextManager[T]:
    """The sync view of an object that can be entered asynchronously."""
    kind = type(async_context_manager)
    if not enters(kind):
        raise TypeError(
            f"expected what `async with` can enter, got {kind.__name__}: pass an object that has "
            f"__aenter__ and __aexit__, such as what an async context manager function returns"
        )
    return SyncContextManager(router, kind, lambda: async_context_manager)


def enters(kind: type) -> bool:
    """Whether instances can be entered asynchronously."""
    return hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__")
