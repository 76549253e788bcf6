"""Translation: between what async code hands out and takes, and the sync views of it."""

import functools
import operator
import threading
import types
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, cast

from sideloop._sideloop import Router
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.generator import SyncGenerator, as_generator

_PLAIN = frozenset((type(None), bool, bytes, bytearray, complex, float, int, str))
_COLLECTIONS: frozenset[Any] = frozenset((frozenset, list, set, tuple))


@asynccontextmanager
async def _entered() -> AsyncGenerator[None, None]:
    yield


_EntersGenerator: type = type(_entered())


class Manager(Protocol):
    """What twins need of their manager: that it can make them anew where they are unpickled."""

    def synced(self, target: Any, /) -> Any:
        """The sync twin of anything async."""


class Translated:
    """What stands for an object of async code, which gets that in its place."""

    @classmethod
    def of(cls, original: object) -> "Translated":
        """A new one, for an object that is there already."""
        translated: Translated = object.__new__(cls)
        translated.__dict__["_sideloop_original"] = original
        return translated


class Translator:
    """What one manager's twins know of each other: which class has which twin, which object too.

    An object has one twin at a time, which lives as long as somebody uses it and keeps the object
    alive. It has no state of its own, so that the next twin of the object is as good.
    """

    def __init__(self, manager: Manager, router: Router) -> None:
        self.manager = manager
        self.router = router
        # A twin class holds its original, so these must not hold the twin class.
        self._classes: weakref.WeakKeyDictionary[type, weakref.ref[type[Translated]]]
        self._classes = weakref.WeakKeyDictionary()
        self._nearest: weakref.WeakKeyDictionary[type, weakref.ref[type[Translated]] | None]
        self._nearest = weakref.WeakKeyDictionary()
        # By identity: a twin keeps its original, and with that the identity, until it is gone.
        self._twins: weakref.WeakValueDictionary[int, Translated] = weakref.WeakValueDictionary()
        # Re-entrant: a signal handler may come here while this thread is inside.
        self._lock = threading.RLock()

    def twin_class(self, kind: type) -> type[Translated] | None:
        """The twin of exactly this class."""
        found = self._classes.get(kind)
        return None if found is None else found()

    def add_class(self, kind: type, twin_class: type[Translated]) -> None:
        """From now on its instances are translated."""
        with self._lock:
            self._classes[kind] = weakref.ref(twin_class)
            self._nearest.clear()

    def adopt(self, original: object, twin: Translated) -> None:
        """This is the object's twin from now on."""
        with self._lock:
            self._twins[id(original)] = twin

    def twin(self, original: object, twin_class: type[Translated]) -> Translated:
        """The one twin of an object."""
        found = self._twins.get(id(original))
        if found is None:
            # Made before the lock is taken, under which no object should be.
            made = twin_class.of(original)
            with self._lock:
                found = self._twins.get(id(original))
                if found is None:
                    self._twins[id(original)] = found = made
        return found

    def out(self, value: Any) -> Any:
        """The sync view of what async code has handed out."""
        return value if type(value) in _PLAIN else each(value, self._view, ())

    def iterate(self, items: Any, async_fn: object) -> SyncGenerator[Any, Any]:
        """The sync view of something to iterate, with its items translated too."""
        generator = as_generator(items)
        if not self._classes:
            return SyncGenerator(self.router, async_fn, generator)
        return TranslatedGenerator.of(self, async_fn, generator)

    def _view(self, value: Any) -> Any:
        kind = kind_of(value)
        if kind is types.AsyncGeneratorType:
            return self.iterate(value, value)
        if kind is _EntersGenerator:
            return SyncContextManager(self.router, value.gen, lambda: value, self.out)
        if isinstance(value, type):
            return self.twin_class(value) or value
        twin_class = self._nearest_class(kind)
        return value if twin_class is None else self.twin(value, twin_class)

    def _nearest_class(self, kind: type) -> type[Translated] | None:
        """The twin of this class, or of the first one that it is derived from."""
        if not self._classes:
            return None
        try:
            found = self._nearest[kind]
        except KeyError:
            with self._lock:
                refs = (self._classes.get(base) for base in kind.__mro__)
                found = next((ref for ref in refs if ref is not None and ref() is not None), None)
                self._nearest[kind] = found
        return None if found is None else found()


class TranslatedGenerator(SyncGenerator[Any, Any]):
    """A sync view whose items, and what is sent to it, are translated."""

    __slots__ = ("translator",)

    translator: Translator

    @classmethod
    def of(
        cls, translator: Translator, async_fn: object, generator: AsyncGenerator[Any, Any]
    ) -> "TranslatedGenerator":
        """The view of a generator that a manager's twin has made."""
        view: Any = cls(translator.router, async_fn, generator)
        view.translator = translator
        return cast("TranslatedGenerator", view)

    def __next__(self) -> Any:
        return self.translator.out(super().__next__())

    def send(self, value: Any) -> Any:
        return self.translator.out(super().send(into(value)))

    def throw(
        self,
        error: BaseException | type[BaseException],
        value: object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        return self.translator.out(super().throw(error, value, traceback))


def original_of(translated: Translated) -> Any:
    """What it stands for."""
    try:
        return translated.__dict__["_sideloop_original"]
    except KeyError:
        kind = type(translated).__qualname__
        raise RuntimeError(
            f"this {kind} has no async original yet: call super().__init__(...) first in "
            f"{kind}.__init__"
        ) from None


def into(value: Any) -> Any:
    """What async code gets of what sync code has passed to it."""
    return value if type(value) in _PLAIN else each(value, _original, ())


def into_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """The same, for the arguments of a call: of most there is nothing to translate."""
    for value in args:
        if type(value) not in _PLAIN:
            args = tuple(map(into, args))
            break
    if kwargs:
        kwargs = {name: into(value) for name, value in kwargs.items()}
    return args, kwargs


def _original(value: Any) -> Any:
    if isinstance(value, Translated):
        return original_of(value)
    if isinstance(value, type):
        origin = vars(value).get("__sideloop__")
        return value if origin is None else origin.original
    return value


def each(value: Any, leaf: Callable[[Any], Any], outer: tuple[int, ...]) -> Any:
    """Translate a value and what is inside of lists, tuples, dicts and sets.

    A container that holds nothing to translate is passed on as it is, not as a copy: whoever has
    passed it may look into it later. `outer` are those that it is inside of: one may hold itself.
    """
    kind = kind_of(value)
    if kind in _PLAIN:
        return value
    make: Callable[[list[Any]], Any]
    if kind in _COLLECTIONS:
        items, make = list(value), kind
    elif kind is dict:
        items, make = list(value.values()), functools.partial(_dict, value)
    elif tuple in kind.__mro__ and hasattr(kind, "_make"):
        items, make = list(value), kind._make
    else:
        return leaf(value)
    if id(value) in outer:
        return value
    outer = (*outer, id(value))
    translated = [each(item, leaf, outer) for item in items]
    return value if all(map(operator.is_, translated, items)) else make(translated)


def _dict(keys: Iterable[Any], values: list[Any]) -> dict[Any, Any]:
    return dict(zip(keys, values, strict=True))


def kind_of(value: object) -> Any:
    """Its class, of which a type checker knows nothing."""
    return type(value)
