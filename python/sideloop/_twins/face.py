"""The face: a sync callable as the async code sees it that is to call it.

It is a coroutine function, an async generator function or an async context manager function, and
runs the callable on a worker, so that it may block and may call what waits for it. What async code
gives it is translated for sync code, and what it returns for async code.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sideloop._hooks.hook import Hook, depth
from sideloop._hooks.places import Place
from sideloop._hooks.worker import Lease
from sideloop._twins.form import Form, form_of
from sideloop._twins.function import TWINS, is_twin_function
from sideloop._twins.translate import into, is_plain, kind_of
from sideloop._twins.translator import Translator


class Called(NamedTuple):
    """What a call of a face comes to."""

    translator: Translator
    sync_fn: Any
    args: tuple[Any, ...]


Find = Callable[[tuple[Any, ...]], Called]
"""Finds what is called: the arguments may begin with an object or a class."""


def face_of(form: Form | None, find: Find) -> Any:
    """A function of this form that calls what is found."""
    return _FACES[form](find)


def _awaited(find: Find) -> Any:
    async def face(*args: Any, **kwargs: Any) -> Any:
        called = find(args)
        if _async_of(called.sync_fn) is not None:  # it blocks nothing
            found, error = _call_here(called, kwargs), None
        else:
            async with Place(depth()):
                with Lease() as seat:
                    found, error = await begun(called, kwargs, seat)
        try:
            if error is not None:
                raise error
        finally:
            del error
        if inspect.isawaitable(found):
            found = await found
        return into(found)

    return face


def _iterated(find: Find) -> Any:
    async def face(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        called = find(args)
        with Lease() as seat:
            found, error = await begun(called, kwargs, seat)
            try:
                if error is not None:
                    raise error
            finally:
                del error
            if hasattr(found, "__aiter__"):
                async for item in found:
                    yield into(item)
                return
            steps = _Steps(called.translator, found, seat)
            step: Callable[..., Any] = steps.first
            words: tuple[Any, ...] = ()
            try:
                while True:
                    item = await steps.take(step, *words)
                    if item is _END:
                        return
                    try:
                        words = (called.translator.out((yield into(item))),)
                    except GeneratorExit:
                        await steps.take(steps.close)
                        raise
                    except BaseException as thrown:
                        step, words = steps.throw, (thrown,)
                    else:
                        step = steps.send
            finally:
                words = ()  # an error among them holds this frame

    return face


def _entered(find: Find) -> Any:
    @asynccontextmanager
    async def face(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        called = find(args)
        with Lease() as seat:
            manager, error = await begun(called, kwargs, seat)
            try:
                if error is not None:
                    raise error
            finally:
                del error
            if hasattr(manager, "__aenter__"):
                async with manager as entered:
                    yield into(entered)
                return
            kind = kind_of(manager)
            leave = given_up(functools.partial(kind.__exit__, manager))
            entered = await run(seat, kind.__enter__, manager, give_back=leave)
            try:
                yield into(entered)
            except BaseException as raised:
                error_info = type(raised), raised, raised.__traceback__
                try:
                    if not await run(seat, kind.__exit__, manager, *error_info):
                        raise
                finally:
                    del error_info
            else:
                await run(seat, kind.__exit__, manager, None, None, None)

    return face


def _passed(find: Find) -> Any:
    # Async code does not await it, so it runs on the thread that calls it.
    def face(*args: Any, **kwargs: Any) -> Any:
        translator, sync_fn, args = find(args)
        args, kwargs = _outward(translator, args, kwargs)
        return into(sync_fn(*args, **kwargs))

    return face


_FACES: dict[Form | None, Callable[[Find], Any]] = {
    Form.AWAITED: _awaited,
    Form.ITERATED: _iterated,
    Form.ENTERED: _entered,
    None: _passed,
}


GiveBack = Callable[[Any], object]
"""What is done, on the worker, with a value that comes when its task was cancelled meanwhile."""


async def run(
    seat: Lease, sync_fn: Callable[..., Any], /, *args: Any, give_back: GiveBack | None = None
) -> Any:
    """Run a function on a worker."""
    value, error = await Hook(seat, sync_fn, args, {}, give_back).outcome()
    try:
        if error is not None:
            raise error
    finally:
        del error
    return value


async def begun(
    called: Called, kwargs: dict[str, Any], seat: Lease, give_back: GiveBack | None = None
) -> tuple[Any, BaseException | None]:
    """What the callable gives, or raises."""
    if _async_of(called.sync_fn) is not None:
        return _call_here(called, kwargs), None
    translator, sync_fn, args = called
    args, kwargs = _outward(translator, args, kwargs)
    return await Hook(seat, sync_fn, args, kwargs, give_back).outcome()


def given_up(leave: Callable[..., object]) -> GiveBack:
    """By the `__exit__` of it, leave what was entered for a task that was cancelled meanwhile."""

    def give_back(_: object) -> None:
        cancellation = asyncio.CancelledError()
        leave(type(cancellation), cancellation, None)

    return give_back


def _call_here(called: Called, kwargs: dict[str, Any]) -> Any:
    """What an async callable gives."""
    args, kwargs = _outward(called.translator, called.args, kwargs)
    return _async_of(called.sync_fn)(*args, **kwargs)


def _async_of(sync_fn: Any) -> Any:
    """The async function that a user has written all the same, or the original of a twin."""
    if is_twin_function(sync_fn):
        sync_fn = sync_fn.aio
    return None if form_of(sync_fn) is None else sync_fn


def _outward(
    translator: Translator, args: Iterable[Any], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    sync_args = tuple(_sync_view(translator, value) for value in args)
    return sync_args, {name: _sync_view(translator, value) for name, value in kwargs.items()}


def _sync_view(translator: Translator, value: Any) -> Any:
    """What the callable gets: of an async function too, as middleware does of what is next."""
    if is_plain(value):
        return value
    if inspect.isroutine(value) or kind_of(value) is functools.partial:
        form = form_of(value)
        return value if form is None else TWINS[form](translator, value)
    return translator.out(value)


_END = object()


class _Steps:
    """The steps of something to iterate, each on the worker."""

    def __init__(self, translator: Translator, found: Any, seat: Lease) -> None:
        self._translator = translator
        self._found = found
        self._seat = seat

    async def take(self, step: Callable[..., Any], *words: Any) -> Any:
        """Do one."""
        return await run(self._seat, step, *words, give_back=self._give_back)

    def first(self) -> Any:
        """Begin."""
        self._found = iter(self._found)
        return next(self._found, _END)

    def send(self, value: Any) -> Any:
        """Go on."""
        if value is None or not hasattr(self._found, "send"):
            return next(self._found, _END)
        try:
            return self._found.send(value)
        except StopIteration:
            return _END

    def throw(self, error: BaseException) -> Any:
        """Raise an error where it stands."""
        if not hasattr(self._found, "throw"):
            raise error
        try:
            return self._found.throw(error)
        except StopIteration:
            return _END

    def _give_back(self, _: object) -> None:
        """Nobody takes what the last one gave, and none will follow."""
        self.close()

    def close(self) -> None:
        """End it."""
        if hasattr(self._found, "close"):
            self._found.close()
