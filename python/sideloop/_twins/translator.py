"""The translator: the views of what async code hands out, and where what it makes lives."""

import functools
import types
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, NamedTuple, Protocol, cast

from sideloop._sideloop import Router, translate
from sideloop._twins.elsewhere import from_elsewhere
from sideloop._twins.kept_future import KeptFuture
from sideloop._twins.known import Known
from sideloop._twins.nature import Nature, nature_of
from sideloop._twins.passage import Home
from sideloop._twins.remarks import report, warn_of_raw
from sideloop._twins.shape import shape_of
from sideloop._twins.translate import (
    Translated,
    into,
    into_alone,
    into_call,
    is_container,
    is_plain,
    kind_of,
)
from sideloop._twins.ways import is_way
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.generator import SyncGenerator, as_generator


@asynccontextmanager
async def _entered() -> AsyncGenerator[None, None]:
    yield


_EntersGenerator: type = type(_entered())


class Manager(Protocol):
    """What twins need of their manager: that it can make them anew where they are unpickled."""

    def synced(self, target: Any, /) -> Any:
        """The sync twin of anything async."""

    def _running_home(self) -> "tuple[Home, Router] | None":
        """Where what async code has made lives: on the loop that the calling thread runs."""


_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)


class Makers(NamedTuple):
    """What makes the twins that nobody has asked for."""

    twin_class: Callable[["Translator", type], type[Translated]]
    """Of a class that nobody has wrapped."""
    function: Callable[["Translator", Any], Any]
    """Of a function that async code hands out, if it is async."""


Settle = Callable[[Callable[..., object]], tuple[Home, Router]]
"""Where what the calling thread makes now will live, and what calls there."""


class Translator:
    """Translates for what lives nowhere: functions and classes.

    Their calls go to the loop of the calling thread, where the objects live that they return. One
    that is *deep* gives also those objects twins whose classes nobody has wrapped.
    """

    def __init__(
        self,
        manager: Manager,
        router: Router,
        settle: Settle,
        makers: Makers,
        known: Known | None = None,
        *,
        deep: bool = False,
    ) -> None:
        self.manager = manager
        self.router = router
        self.known = known or Known()
        self.deep = deep
        self.base = self
        self._settle = settle
        self.makers = makers
        self._residents: weakref.WeakValueDictionary[int, Resident] = weakref.WeakValueDictionary()
        # By identity. A twin class that nobody has named lives for as long as what has led to it.
        self._below: dict[int, type[Translated]] = {}

    def apart(self, *, deep: bool) -> "Translator":
        """Another one that knows the same twins."""
        return Translator(
            self.manager, self.router, self._settle, self.makers, self.known, deep=deep
        )

    def here(self, async_fn: Callable[..., object]) -> "Resident":
        """Translates for what lives where calls of this thread go now, or will when it is used."""
        return self._resident(*self._settle(async_fn))

    def running(self) -> "Resident":
        """Translates for what is met in async code, on the loop that runs here."""
        found = self.manager._running_home()  # pyright: ignore[reportPrivateUsage]  # ours
        return self.here(type(self)) if found is None else self._resident(*found)

    def _resident(self, home: Home, router: Router) -> "Resident":
        # By identity, which each keeps until it is gone.
        found = self._residents.get(id(home))
        if found is None:
            self._residents[id(home)] = found = Resident(self, home, router)
        return found

    def twin_below(self, kind: type) -> type[Translated]:
        """The twin of a class that nobody has wrapped, and whose objects are met."""
        found = self.known.twin_class(kind)
        if found is None:
            found = self.makers.twin_class(self, kind)
        return self._below.setdefault(id(kind), found)

    def served(self, original: object) -> Translated:
        """The twin of an object, whatever its class."""
        return self.twin(original, self.base.twin_below(kind_of(original)))

    def into_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """What async code gets of the arguments of a call."""
        if self.known.has_classes:
            return into_call(args, kwargs)
        return tuple(map(into_alone, args)), {key: into_alone(arg) for key, arg in kwargs.items()}

    def out(self, value: Any) -> Any:
        """The sync view of what async code has handed out.

        Of one that cannot be translated that is the value itself: an answer is never lost.
        """
        if is_plain(value):
            return value
        if self.known.has_classes:
            return translate(value, self._sort, report)
        # Nothing in it could be of a class with a twin.
        return value if is_container(value) else translate(value, self._view_of, report)

    def iterate(self, items: Any, async_fn: object) -> SyncGenerator[Any, Any]:
        """The sync view of something to iterate, with its items translated too."""
        generator = as_generator(items)
        if not self.known.has_classes:
            return SyncGenerator(self.router, async_fn, generator)
        return TranslatedGenerator.of(self, async_fn, generator)

    def original(self, async_fn: Any) -> Any:
        """What is at `aio` of a function's twin."""
        return async_fn

    def twin(self, original: object, twin_class: type[Translated]) -> Translated:
        """The one twin of an object."""
        found = self.known.found_twin(original)
        if found is None:
            place = self.known.place(original) or self.here(type(original))
            return place.twin(original, twin_class)
        return found

    def future(self, original: object) -> Translated:
        """The one view of a future, task or coroutine that is not there to be awaited at once."""
        found = self.known.found_twin(original)
        if found is None:
            place: Resident = self.known.place(original) or self.here(type(original))
            found = place.future(original)
        return found

    def _sort(self, kind: type) -> Any:
        return self._view_of(kind) or shape_of(kind)

    def _view_of(self, kind: Any) -> Callable[[Any], Any] | None:
        """What makes the sync view of an object of this class, if it has one."""
        if kind is types.AsyncGeneratorType:
            return self._iterated
        if kind is _EntersGenerator:
            return self._entered
        if kind in _FUNCTIONS:
            return functools.partial(self.base.makers.function, self)
        if issubclass(kind, type):
            return self._twin_class
        twin_class = self.class_of_twin(kind)
        if twin_class is not None:
            return functools.partial(self.twin, twin_class=twin_class)
        nature = nature_of(kind)
        if nature is Nature.SYNC and not (self.base.deep and is_way(kind)):
            return None
        if nature is Nature.PENDING:
            return self.future
        if self.base.deep:
            return self.served
        warn_of_raw(self.known, kind)
        return None

    def class_of_twin(self, kind: type) -> type[Translated] | None:
        """The class of the twin of an object of a class; without one, that of the nearest base."""
        find = self.known.twin_class if self.base.deep else self.known.nearest_class
        return find(kind)

    def _iterated(self, items: Any) -> SyncGenerator[Any, Any]:
        return self.iterate(items, items)

    def _entered(self, entered: Any) -> SyncContextManager[Any]:
        return SyncContextManager(self.router, entered.gen, lambda: entered, self.out)

    def _twin_class(self, kind: type) -> type:
        return self.known.twin_class(kind) or kind


class Resident(Translator):
    """Translates for the objects that live in one place: what their calls return lives there too.

    Each of them holds this, and so keeps the runner.
    """

    def __init__(self, translator: Translator, home: Home, router: Router) -> None:
        self.manager = translator.manager
        self.router = router
        self.known = translator.known
        self.base = translator
        self.home = home

    def here(self, async_fn: Callable[..., object]) -> "Resident":  # noqa: ARG002  # whatever it is
        return self

    def running(self) -> "Resident":
        return self

    def as_for(self, twin_class: Any) -> "Resident":
        """The same, or one that is deep, for objects of a class that is."""
        translator: Translator = twin_class.__sideloop__.translator
        if self.base.deep or not translator.deep:
            return self
        return translator._resident(self.home, self.router)

    def original(self, async_fn: Any) -> Any:
        return from_elsewhere(self, async_fn)

    def twin(self, original: object, twin_class: type[Translated]) -> Translated:
        return self.known.twin(original, twin_class, self)

    def future(self, original: object) -> Translated:
        found = self.known.found_twin(original)
        if found is None:
            place = self.known.settle(original, self)
            made = KeptFuture(place.router, original, place.out)
            found = self.known.keep(original, made)
        return found


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
        self._arrive()
        return self.translator.out(super().__next__())

    def send(self, value: Any) -> Any:
        self._arrive()
        return self.translator.out(super().send(into(value)))

    def throw(
        self,
        error: BaseException | type[BaseException],
        value: object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        self._arrive()
        return self.translator.out(super().throw(error, value, traceback))

    def _arrive(self) -> None:
        """Its items live where its first step runs, whoever makes the next ones."""
        if type(self.translator) is Translator and self._new:
            self.translator = self.translator.here(self._generator.__anext__)
