"""Elsewhere: what async code gets of an object's methods on another loop than that of the object.

Awaited on the object's own loop, it is awaited as it is. From any other loop it is carried there.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

from sideloop._twins.code import asks_for_loop
from sideloop._twins.form import Form, Made, form_of
from sideloop._twins.nature import Nature, nature_of, opens
from sideloop._twins.passage import Carried, Home, Passage
from sideloop._twins.translate import kind_of
from sideloop._views.context_manager import Visit
from sideloop._views.generator import as_generator


def from_elsewhere(home: Home, async_fn: Any) -> Any:
    """An object's method as async code on any loop may use it."""
    return functools.update_wrapper(_WRAPPERS[form_of(async_fn)](home, async_fn), async_fn)


def _awaited(home: Home, async_fn: Any) -> Any:
    async def aio(*args: Any, **kwargs: Any) -> Any:
        loop = home.for_call(async_fn)
        if loop.loop is asyncio.get_running_loop():
            return await async_fn(*args, **kwargs)
        call = Carried(home, async_fn, args, kwargs)
        call.send()
        await call.ended()
        return call.unwrap()

    return aio


def _iterated(home: Home, async_fn: Any) -> Any:
    async def aio(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = as_generator(async_fn(*args, **kwargs))
        passage = Passage(home, async_fn)
        step: Callable[..., Any] = generator.__anext__
        words: tuple[Any, ...] = ()
        try:
            while True:
                item = await passage.step(step, *words)
                try:
                    words = ((yield item),)
                except GeneratorExit:
                    await passage.step(generator.aclose)
                    raise
                except BaseException as error:
                    step, words = generator.athrow, (error,)
                else:
                    step = generator.asend
        except StopAsyncIteration:
            return
        finally:
            words = ()  # an error among them holds this frame
            passage.end()

    return aio


def _entered(home: Home, async_fn: Any) -> Any:
    @asynccontextmanager
    async def aio(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        passage = Passage(home, async_fn)
        visit: Visit[Any] = Visit(functools.partial(async_fn, *args, **kwargs))
        try:
            entered = await passage.step(visit.enter)
            try:
                yield entered
            except BaseException as error:
                if not await passage.step(visit.exit, type(error), error, error.__traceback__):
                    raise
            else:
                await passage.step(visit.exit, None, None, None)
        finally:
            passage.end()

    return aio


def _passed(home: Home, sync_fn: Any) -> Any:
    def aio(*args: Any, **kwargs: Any) -> Any:
        if asks_for_loop(getattr(sync_fn, "__func__", sync_fn)):
            make = functools.partial(sync_fn, *args, **kwargs)
            return make() if _runs_here(home, sync_fn) else Elsewhere(home, make)
        found = sync_fn(*args, **kwargs)
        if nature_of(kind_of(found)) in (Nature.PENDING, Nature.AWAITABLE):
            return _awaited(home, Made(found))()
        if not opens(kind_of(found)) or _runs_here(home, sync_fn):
            return found
        return Elsewhere(home, Made(found))

    return aio


def _runs_here(home: Home, sync_fn: Any) -> bool:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return False
    return home.for_call(sync_fn).loop is running


class Elsewhere:
    """What a `def` hands out, which is made, awaited, entered and iterated on the object's loop."""

    def __init__(self, home: Home, make: Callable[[], Any]) -> None:
        self._home = home
        self._make = make
        self._entered: list[Any] = []

    def __await__(self) -> Generator[Any, None, Any]:
        async def awaited() -> Any:
            found = self._make()
            return await found if hasattr(kind_of(found), "__await__") else found

        found: Generator[Any, None, Any] = _awaited(self._home, awaited)().__await__()
        return found

    async def __aenter__(self) -> Any:
        manager = _entered(self._home, self._make)()
        entered = await manager.__aenter__()
        self._entered.append(manager)
        return entered

    async def __aexit__(self, *error: Any) -> Any:
        return await self._entered.pop().__aexit__(*error)

    def __aiter__(self) -> Any:
        async def items() -> AsyncGenerator[Any, None]:
            async for item in self._make():
                yield item

        return _iterated(self._home, items)()


_WRAPPERS: dict[Form | None, Callable[[Home, Any], Any]] = {
    Form.AWAITED: _awaited,
    Form.ITERATED: _iterated,
    Form.ENTERED: _entered,
    None: _passed,
}
