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
from sideloop._twins.passage import Answer, Passage, Place, awaitable_core
from sideloop._twins.translate import kind_of
from sideloop._views.context_manager import Visit
from sideloop._views.generator import as_generator


def from_elsewhere(place: Place, async_fn: Any) -> Any:
    """An object's method as async code on any loop may use it."""
    return functools.update_wrapper(_WRAPPERS[form_of(async_fn)](place, async_fn), async_fn)


def _awaited(place: Place, async_fn: Any) -> Any:
    async def aio(*args: Any, **kwargs: Any) -> Any:
        while True:
            loop = place.home.for_call(async_fn)
            if loop.loop is asyncio.get_running_loop():
                return await async_fn(*args, **kwargs)
            core, answer = awaitable_core(loop, async_fn), Answer()
            # If its loop goes away before it is started, there may be another one.
            if core.submit(async_fn, args, kwargs, answer) and await answer.ended():
                return answer.unwrap()

    return aio


def _iterated(place: Place, async_fn: Any) -> Any:
    async def aio(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = as_generator(async_fn(*args, **kwargs))
        passage = Passage(place, async_fn, generator.athrow, generator.aclose)
        step: Callable[..., Any] = generator.__anext__
        words: tuple[Any, ...] = ()
        try:
            while True:
                try:
                    item = await passage.step("item", step, *words)
                except asyncio.CancelledError as error:
                    if not passage.stands:
                        raise
                    # It came before the step had begun, or with the item: raised where that is.
                    step, words = generator.athrow, (error,)
                    continue
                try:
                    words = ((yield item),)
                except GeneratorExit:
                    if _running() is not None:  # else it is collected, as the passage will be
                        await passage.step("close", generator.aclose)
                    raise
                except BaseException as error:
                    step, words = generator.athrow, (error,)
                else:
                    step = generator.asend
        except StopAsyncIteration:
            return
        finally:
            words = ()  # an error among them holds this frame

    return aio


def _entered(place: Place, async_fn: Any) -> Any:
    @asynccontextmanager
    async def aio(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        visit: Visit[Any] = Visit(functools.partial(async_fn, *args, **kwargs))
        passage = Passage(place, async_fn, visit.rescue, visit.drop)
        try:
            entered = await passage.step("enter", visit.enter)
        except asyncio.CancelledError as error:
            if passage.stands:  # it came when all was entered
                await passage.step("exit", visit.exit, type(error), error, error.__traceback__)
            raise
        try:
            yield entered
        except BaseException as error:
            if not await passage.step("exit", visit.exit, type(error), error, error.__traceback__):
                raise
        else:
            await passage.step("exit", visit.exit, None, None, None)

    return aio


def _passed(place: Place, sync_fn: Any) -> Any:
    def aio(*args: Any, **kwargs: Any) -> Any:
        if asks_for_loop(getattr(sync_fn, "__func__", sync_fn)):
            make = functools.partial(sync_fn, *args, **kwargs)
            return make() if _runs_here(place, sync_fn) else Elsewhere(place, make, sync_fn)
        found = sync_fn(*args, **kwargs)
        if nature_of(kind_of(found)) in (Nature.PENDING, Nature.AWAITABLE):
            return _awaited(place, Made(found))()
        if not opens(kind_of(found)) or _runs_here(place, sync_fn):
            return found
        return Elsewhere(place, Made(found), sync_fn)

    return aio


def _runs_here(place: Place, sync_fn: Any) -> bool:
    running = _running()
    return running is not None and place.home.for_call(sync_fn).loop is running


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Elsewhere:
    """What a `def` hands out, which is made, awaited, entered and iterated on the object's loop."""

    def __init__(self, place: Place, make: Callable[[], Any], sync_fn: Any) -> None:
        self._place = place
        self._make = make
        self._sync_fn = sync_fn
        self._entered: list[Any] = []

    def __await__(self) -> Generator[Any, None, Any]:
        async def awaited() -> Any:
            found = self._make()
            return await found if hasattr(kind_of(found), "__await__") else found

        self._name(awaited)
        found: Generator[Any, None, Any] = _awaited(self._place, awaited)().__await__()
        return found

    async def __aenter__(self) -> Any:
        manager = _entered(self._place, self._make)()
        entered = await manager.__aenter__()
        self._entered.append(manager)
        return entered

    async def __aexit__(self, *error: Any) -> Any:
        return await self._entered.pop().__aexit__(*error)

    def __aiter__(self) -> Any:
        async def items() -> AsyncGenerator[Any, None]:
            async for item in self._make():
                yield item

        self._name(items)
        return _iterated(self._place, items)()

    def _name(self, function: Any) -> None:
        function.__module__ = getattr(self._sync_fn, "__module__", None)
        function.__qualname__ = getattr(self._sync_fn, "__qualname__", repr(self._sync_fn))


_WRAPPERS: dict[Form | None, Callable[[Place, Any], Any]] = {
    Form.AWAITED: _awaited,
    Form.ITERATED: _iterated,
    Form.ENTERED: _entered,
    None: _passed,
}
