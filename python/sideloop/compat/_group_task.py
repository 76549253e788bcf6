"""A function that runs in a task of an anyio task group, and who waits for it on the same loop."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol


class CancelScope(Protocol):
    """Anyio's."""

    def __enter__(self) -> "CancelScope": ...
    def __exit__(self, *reason: Any) -> bool | None: ...
    def cancel(self, reason: str | None = None) -> Any:
        """Cancel what is inside of it."""
        ...


class TaskGroup(Protocol):
    """Anyio's."""

    def start_soon(self, func: Callable[..., Any], *args: Any, name: object = None) -> Any:
        """Start a task in it."""
        ...


class GroupTask:
    """A function, sync or async, whose task belongs to a group. All of it on the loop's thread.

    Whoever waits and is cancelled cancels the task, in a scope of its own, and waits for its end:
    it unwinds as what is cancelled in the group does.
    """

    _scope: CancelScope

    def __init__(self, func: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.func = func
        self._args = args
        self._kwargs = kwargs
        self._bells: list[asyncio.Future[None]] = []
        self._begun = False
        self._over = False
        self._ready = False
        self._outcome: Callable[[], Any] = _cancelled

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over

    def begin(self, group: TaskGroup, scope: CancelScope, name: object = None) -> None:
        """Start it; RuntimeError if the group takes no more tasks."""
        self._scope = scope
        group.start_soon(self._run, name=name)

    async def ended(self) -> None:
        """Wait for the end, whatever it is."""
        await self._wait(lambda: self._over)

    async def ready(self) -> None:
        """Wait until it says that it is ready, or has ended."""
        await self._wait(lambda: self._over or self._ready)

    def say_ready(self) -> None:
        """It is ready."""
        self._ready = True
        self._ring()

    def unwrap(self) -> Any:
        """What it has returned, or raise what it has raised. Once."""
        outcome, self._outcome = self._outcome, _cancelled
        try:
            return outcome()
        finally:
            del outcome  # its error's traceback holds this frame

    async def _run(self) -> None:
        self._begun = True
        try:
            with self._scope:
                found = self.func(*self._args, **self._kwargs)
                value = await found if inspect.isawaitable(found) else found
                self._outcome = lambda: value
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            # An exit, too, is its caller's alone: raised in the group it would end all others.
            self._outcome = _Raise(error)
        finally:
            self._over = True
            self._ring()

    async def _wait(self, reached: Callable[[], bool]) -> None:
        cancelled = False
        while not reached():
            bell = asyncio.get_running_loop().create_future()
            self._bells.append(bell)
            try:
                await bell
            except asyncio.CancelledError:
                if not self._begun:
                    raise  # it was to begin before this: all of the loop's tasks are cancelled
                cancelled = True
                self._scope.cancel("its call was cancelled")
                reached = self._is_over
        if cancelled and self._outcome is _cancelled:
            raise asyncio.CancelledError

    def _is_over(self) -> bool:
        return self._over

    def _ring(self) -> None:
        bells, self._bells = self._bells, []
        for bell in bells:
            if not bell.done():
                bell.set_result(None)


class _Raise:
    """An outcome that is raised, any error as it is."""

    def __init__(self, error: BaseException) -> None:
        self._error: BaseException | None = error

    def __call__(self) -> Any:
        error, self._error = self._error, None
        assert error is not None
        try:
            raise error
        finally:
            del error  # its traceback holds this frame


def _cancelled() -> Any:
    raise asyncio.CancelledError


class OnLoop:
    """What is awaited on a loop for a call that messages name by another function."""

    __slots__ = ("_async_fn", "func")

    def __init__(self, func: Callable[..., Any], async_fn: Callable[[], Awaitable[Any]]) -> None:
        self.func = func
        self._async_fn = async_fn

    async def __call__(self) -> Any:
        return await self._async_fn()
