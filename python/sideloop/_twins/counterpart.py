"""Counterparts: what `with` and `for` call, in place of what `async with` and `async for` do."""

import types
from typing import Any

from sideloop._twins.behind import is_hidden, special_behind
from sideloop._twins.form import Made
from sideloop._twins.translate import kind_of, original_of
from sideloop._twins.twin import Twin
from sideloop._twins.view import resident_of
from sideloop._twins.visits import Visits
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.generator import items_of

VISITS = "the visits of this twin"
"""What a twin has those under."""


def _visits(twin: Any) -> Visits[SyncContextManager[Any]]:
    found: Visits[SyncContextManager[Any]] | None = twin.__dict__.get(VISITS)
    return found if found is not None else twin.__dict__.setdefault(VISITS, Visits())


class Counterparts(Twin):
    """Holds the functions: a twin class takes those whose counterpart the original has."""

    def __enter__(self) -> Any:
        original, translator = original_of(self), resident_of(self)
        manager = SyncContextManager[Any](
            translator.router, kind_of(original), lambda: entered_behind(original)
        )
        host, visit = manager._begin()  # pyright: ignore[reportPrivateUsage]  # ours
        entered = host.run(visit.enter)
        _visits(self).enter(manager)
        try:
            return translator.out(entered)
        except BaseException as error:  # a signal handler's: the block will not be, so nor its end
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> bool:
        manager = _visits(self).leave()
        if manager is None and is_hidden(kind_of(original_of(self))):
            # Async code has entered it, and leaves it by the user's `__exit__`.
            leave = special_behind(original_of(self), "__aexit__")
            return bool(resident_of(self).router.run(leave, (kind, error, traceback), {}))
        if manager is None:
            raise RuntimeError(f"{self!r} was not entered")
        host, visit = manager._end()  # pyright: ignore[reportPrivateUsage]  # ours
        try:
            return bool(host.run_last(visit.exit, kind, error, traceback))
        finally:
            del error, traceback  # else it would hold itself, if it is raised again

    def __iter__(self) -> Any:
        original, translator = original_of(self), resident_of(self)
        found = special_behind(original, "__aiter__")()
        if kind_of(found) is types.AsyncGeneratorType:
            # One that the object keeps goes on after a `break`, as with `async for`.
            return translator.iterate(items_of(found), kind_of(original))
        view = translator.out(found)
        # One that is neither a generator nor of a wrapped class has no view yet.
        return translator.iterate(found, kind_of(original)) if view is found else view

    def __next__(self) -> Any:
        original, translator = original_of(self), resident_of(self)
        try:
            item = translator.router.run(special_behind(original, "__anext__"), (), {})
        except StopAsyncIteration:
            raise StopIteration from None
        return translator.out(item)

    def result(self) -> Any:
        """Wait for what awaiting it gives, and return that."""
        original, translator = original_of(self), resident_of(self)
        return translator.out(translator.router.run(Made(original), (), {}))


def entered_behind(original: Any) -> Any:
    """What a visit enters and leaves: the object, behind what a user has overridden."""
    return _Behind(original) if is_hidden(kind_of(original)) else original


class _Behind:
    def __init__(self, original: Any) -> None:
        self._original = original

    async def __aenter__(self) -> Any:
        return await special_behind(self._original, "__aenter__")()

    async def __aexit__(self, *error: Any) -> Any:
        return await special_behind(self._original, "__aexit__")(*error)
