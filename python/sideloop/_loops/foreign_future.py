"""A future of somebody's own class, and how a call awaits it.

A task that awaits a future asks it to call back. If that raises, asyncio tells the loop's exception
handler, and the task waits for ever; as it does after a `cancel` that raises. Here it is the await
that fails, and a future whose `add_done_callback` takes no context is heard all the same.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Generator
from typing import Any

from sideloop._base.signature import signature_of


def ensure_future(awaitable: Any, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Any]":
    """A future as it is, if it is of asyncio's class; a task for anything else."""
    # A future need not be of the class that type checkers take each for.
    if asyncio.isfuture(awaitable) and not isinstance(awaitable, asyncio.Future):  # pyright: ignore[reportUnnecessaryIsInstance]
        return loop.create_task(_awaited(awaitable))
    future: asyncio.Future[Any] = asyncio.ensure_future(awaitable, loop=loop)
    return future


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await _Heard(awaitable)


class _Heard:
    """Awaits what it is made of."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, None, Any]:
        """What `yield from` does, but for what is yielded."""
        inside: Any = self._awaitable.__await__()
        thrown: BaseException | None = None
        while True:
            try:
                waited = next(inside) if thrown is None else inside.throw(thrown)
            except StopIteration as end:
                return end.value
            finally:
                thrown = None  # else it would hold itself, through the traceback
            try:
                yield _heard(waited)
            except BaseException as error:
                thrown = error


def _heard(waited: object) -> object:
    """What a task can wait for in the place of this, which its awaitable has yielded."""
    if isinstance(waited, asyncio.Future):
        return waited  # pyright: ignore[reportUnknownVariableType]  # of whatever
    other: Any = waited
    if not getattr(other, "_asyncio_future_blocking", False):
        return other
    if other.get_loop() is not asyncio.get_running_loop():
        return other  # the task says so
    other._asyncio_future_blocking = False
    return _Bridge(other)


class _Bridge(asyncio.Future[None]):
    """Done when the other future is; cancelled by it."""

    def __init__(self, other: Any) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._other = other
        options: dict[str, Any] = {"context": contextvars.copy_context()}
        try:
            signature_of(other.add_done_callback).bind(self._pass, **options)
        except TypeError:
            options = {}
        except ValueError:  # it has no signature
            pass
        other.add_done_callback(self._pass, **options)
        self._asyncio_future_blocking = True

    def cancel(self, msg: Any | None = None) -> bool:
        if self.done():
            return False
        try:
            # If it can, it calls back, and what its awaitable says then is what the task sees.
            return bool(self._other.cancel(msg=msg))
        except BaseException as error:
            self.set_exception(error)
            return True

    def _pass(self, _: object) -> None:
        if not self.done():
            self.set_result(None)
