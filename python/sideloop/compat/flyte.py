"""Drop-in for the background loops of flyte 2, `flyte.syncify`, which its sync API runs on.

    from sideloop.compat import flyte

    flyte.install()

Before or after flyte is imported; before is better, since importing it starts a loop.
The page "Move in" says what changes. `sideloop.compat.flytekit` is for flytekit.
"""

import asyncio
import concurrent.futures
import contextlib
import importlib
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from types import ModuleType
from typing import Any

from sideloop._runners.runner import Runner
from sideloop._sideloop import Handed
from sideloop._twins.passage import Answer
from sideloop.compat._carried import carried
from sideloop.compat._drop_in import DropIn
from sideloop.compat._io_thread import run_there


def install() -> None:
    """Have what flyte has made sync run on sideloop. Idempotent.

    A loop that flyte has started before stays its own, since clients that are there belong to it.

    Raises:
        RuntimeError: flyte is not as the drop-in knows it. Nothing is changed then.
    """
    _drop_in.install()


def uninstall() -> None:
    """Give flyte its own bridge back. Idempotent.

    The loops stay, and with them the clients that are there; calls that are under way end.
    """
    _drop_in.uninstall()


def installed() -> contextlib.AbstractContextManager[None]:
    """Installed for a `with` block, unless it is already."""
    return _drop_in.for_block()


def _replace(module: ModuleType) -> Mapping[str, Any]:
    theirs: Any = module
    background_loop: Any = theirs._BackgroundLoop
    their_stop = background_loop.stop
    their_iterate_sync = background_loop.iterate_in_loop_sync
    their_iterate = background_loop.iterate_in_loop

    def __init__(self: Any, name: str) -> None:  # noqa: N807  # it becomes a method
        """A loop with this name: that of a `sideloop.Runner`."""
        self.__dict__[_RUNNER] = Runner(name=name, exception_handler=_silence_polling_error)
        self.loop = self.thread = None
        _served(self)

    def stop(self: Any) -> None:
        """End it, as at exit."""
        runner: Runner | None = self.__dict__.get(_RUNNER)
        if runner is None:
            their_stop(self)
        else:
            runner.close(1.0)

    def call_in_loop_sync(self: Any, coro: Coroutine[Any, Any, Any]) -> Any:
        """Await a coroutine on the loop. What is returned that `async for` takes becomes sync."""
        handed = Handed(coro)
        try:
            found = run_there(_served(self), handed, (), {}, None)
        except asyncio.CancelledError:
            raise concurrent.futures.CancelledError from None
        finally:
            handed.close()
        return self.iterate_in_loop_sync(found) if hasattr(found, "__aiter__") else found

    def iterate_in_loop_sync(self: Any, async_gen: Any) -> Iterator[Any]:
        """The sync view of an async iterator, all of whose steps are one task of the loop."""
        runner: Runner | None = self.__dict__.get(_RUNNER)
        found: Iterator[Any]
        found = their_iterate_sync(self, async_gen) if runner is None else runner.iterate(async_gen)
        return found

    async def aio(self: Any, coro: Coroutine[Any, Any, Any]) -> Any:
        """Await a coroutine on the loop, from whichever loop this runs on."""
        if self.is_in_loop():
            return await coro
        handed = Handed(coro)
        try:
            theirs._ensure_polling_error_handler_installed()
            return await carried(_served(self), handed, Answer())
        finally:
            handed.close()

    async def iterate_in_loop(self: Any, async_gen: Any) -> AsyncGenerator[Any, None]:
        """The items of an async iterator on the loop, for whichever loop this runs on."""
        if self.is_in_loop():
            async with contextlib.aclosing(their_iterate(self, async_gen)) as items:
                async for item in items:
                    yield item
            return
        theirs._ensure_polling_error_handler_installed()
        loop = _served(self)
        try:
            while True:
                try:
                    item = await carried(loop, async_gen.__anext__, Answer())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if hasattr(async_gen, "aclose") and not loop.is_closed():
                await carried(loop, async_gen.aclose, Answer())

    return {
        "_BackgroundLoop.__init__": __init__,
        "_BackgroundLoop.stop": stop,
        "_BackgroundLoop.call_in_loop_sync": call_in_loop_sync,
        "_BackgroundLoop.iterate_in_loop_sync": iterate_in_loop_sync,
        "_BackgroundLoop.aio": aio,
        "_BackgroundLoop.iterate_in_loop": iterate_in_loop,
    }


_RUNNER = "_sideloop_runner"


def _served(background: Any) -> asyncio.AbstractEventLoop:
    """The loop: one that it has started itself, or its runner's, which may be a new one."""
    runner: Runner | None = background.__dict__.get(_RUNNER)
    if runner is not None and runner.loop is not background.loop:
        background.loop, background.thread = runner.loop, runner.thread
    loop: asyncio.AbstractEventLoop = background.loop
    return loop


def _silence_polling_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Late, since flyte is being imported when its first loop is made.
    errors: Any = importlib.import_module("flyte.errors")
    errors.silence_polling_error(loop, context)


_drop_in = DropIn(
    "flyte",
    "flyte.syncify._api",
    {
        "_BackgroundLoop": "(class)",
        "_BackgroundLoop.__init__": "(self, name)",
        "_BackgroundLoop.stop": "(self)",
        "_BackgroundLoop.is_in_loop": "(self)",
        "_BackgroundLoop.call_in_loop_sync": "(self, coro)",
        "_BackgroundLoop.iterate_in_loop_sync": "(self, async_gen)",
        "_BackgroundLoop.aio": "(self, coro)",
        "_BackgroundLoop.iterate_in_loop": "(self, async_gen)",
        "_ensure_polling_error_handler_installed": "()",
    },
    "2.6 to 2.12",
    _replace,
)
