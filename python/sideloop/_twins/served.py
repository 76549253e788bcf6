"""Served: what a `def` has returned, for sync code, by what it is."""

from collections.abc import Generator
from typing import Any

from sideloop._twins.form import Made
from sideloop._twins.nature import Nature, is_call, nature_of, opens
from sideloop._twins.opened import Opened
from sideloop._twins.remarks import warn_of_unnamed
from sideloop._twins.translate import is_container, is_plain, kind_of
from sideloop._twins.translator import Translator


def served(translator: Translator, found: Any) -> Any:
    """The sync view of what a `def` has returned.

    What is there to be awaited is awaited; if it may also be entered, it is, and may be left. What
    can be entered or iterated has a twin, which works with `with` and `for`.
    """
    if is_plain(found) or is_container(found):
        return translator.out(found)
    if is_awaited(translator, found):
        return translator.out(translator.router.run(Made(found), (), {}))
    kind = kind_of(found)
    if not opens(kind) or translator.known.nearest_class(kind) is not None:
        return translator.out(found)
    if is_call(kind):
        return Opened.by_entering(translator, found)
    if nature_of(kind) is Nature.ASYNC and not translator.base.deep:
        warn_of_unnamed(translator.known, kind)
    return translator.served(found)


def is_awaited(translator: Translator, found: Any) -> bool:
    """Whether nothing can be done with an object other than to await it."""
    kind = kind_of(found)
    if nature_of(kind) not in (Nature.PENDING, Nature.AWAITABLE):
        return False
    return translator.known.nearest_class(kind) is None


class Called:
    """As an async function: a `def` that is called on the loop, whatever it returns."""

    def __init__(self, translator: Translator, sync_fn: Any, name: str | None = None) -> None:
        self._translator = translator
        self._sync_fn = sync_fn
        self.__module__ = getattr(sync_fn, "__module__", None) or type(sync_fn).__module__
        if name is not None:
            self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = self._sync_fn(*args, **kwargs)
        return found if is_awaited(self._translator, found) else self._other(found)

    def __getattr__(self, name: str) -> Any:
        # Its name, for errors and tasks.
        return getattr(self._sync_fn, name)

    def _other(self, found: Any) -> Any:
        return _There(found)


class CalledAsync(Called):
    """The same, of one that has to return something async."""

    def _other(self, found: Any) -> Any:
        kind = kind_of(found)
        is_async = nature_of(kind) is not Nature.SYNC
        if is_async or self._translator.known.nearest_class(kind) is not None:
            return _There(found)
        return found  # to be refused, as that of any call


class _There:
    """Gives what is there when it is awaited."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, Any]:
        return self._value
        yield
