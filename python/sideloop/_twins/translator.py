"""The translator: what one manager's twins know of each other, and where what they return lives."""

import contextlib
import functools
import types
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, NamedTuple, Protocol, cast

from sideloop._base.errors import logger
from sideloop._sideloop import Router, forget_weak, keep_weak, translate
from sideloop._twins.by_class import ByClass, mro_of
from sideloop._twins.elsewhere import Home, from_elsewhere
from sideloop._twins.memory import remember
from sideloop._twins.shape import shape_of
from sideloop._twins.translate import (
    Translated,
    into,
    into_alone,
    into_call,
    is_container,
    is_plain,
    kind_of,
    new_twin,
)
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


Settle = Callable[[Callable[..., object]], tuple[Home, Router]]
"""Where what the calling thread makes now will live, and what calls there."""


class Known:
    """Which class has which twin, which object too, and where that one lives.

    An object has one twin at a time, which lives as long as somebody uses it and keeps the object
    alive. It has no state of its own, so that the next twin of the object is as good. An object
    lives in one place for as long as it is there itself, whatever becomes of its twins: what it has
    open belongs to a loop.
    """

    def __init__(self) -> None:
        # A twin class holds its original, so these must not hold the twin class.
        self._classes: ByClass[weakref.ref[type[Translated]]] = ByClass()
        self._nearest: ByClass[_Nearest] = ByClass()
        self.has_classes = False
        # Another one whenever there is another class.
        self._edition = object()
        # By identity: a twin keeps its original, and with that the identity, until it is gone.
        self._twins: dict[int, _Keyed] = {}
        self._places: dict[int, _Place] = {}

    def twin_class(self, kind: type) -> type[Translated] | None:
        """The twin of exactly this class."""
        found = self._classes.get(kind)
        return None if found is None else found()

    def add_class(self, kind: type, twin_class: type[Translated]) -> None:
        """From now on its instances are translated."""
        self._classes.keep(kind, weakref.ref(twin_class))
        self.has_classes = True
        self._edition = object()

    def nearest_class(self, kind: type) -> type[Translated] | None:
        """The twin of this class, or of the first one that it is derived from."""
        if not self.has_classes:
            return None
        nearest = self._nearest.get(kind)
        if nearest is not None and nearest.edition is self._edition:
            if nearest.ref is None:
                return None
            if (found := nearest.ref()) is not None:
                return found
        edition = self._edition
        twins = (self.twin_class(base) for base in mro_of(kind))
        twin_class = next((one for one in twins if one is not None), None)
        ref = None if twin_class is None else weakref.ref(twin_class)
        self._nearest.keep(kind, _Nearest(edition, ref))
        return twin_class

    def found_twin(self, original: object) -> Translated | None:
        """The twin of an object, if it has one now."""
        found = self._twins.get(id(original))
        return None if found is None else found()

    def twin(
        self, original: object, twin_class: type[Translated], resident: "Resident | None"
    ) -> Translated:
        """The one twin of an object. Where that lives is settled later, if it is not said."""
        found = self.found_twin(original)
        if found is None:
            view = _as_it_is if resident is None else resident.out
            made = new_twin(twin_class, original, view)
            if resident is not None:
                made.__dict__[RESIDENT] = self.settle(original, resident)
            ref = _Keyed(made, self._forget_twin)
            ref.key = id(original)
            # Another thread's may have come first, and may go before it is held here.
            while (found := keep_weak(self._twins, ref.key, ref)()) is None:
                pass
            # Not before: it may hold itself.
            remember(found, original, view)
        return found

    def adopt(self, original: object, twin: Translated) -> None:
        """This is the object's twin from now on."""
        ref = _Keyed(twin, self._forget_twin)
        ref.key = id(original)
        self._twins[ref.key] = ref

    def place(self, original: object) -> "Resident | None":
        """Where an object lives, if that is settled."""
        found = self._places.get(id(original))
        return None if found is None else found.resident

    def settle(self, original: object, resident: "Resident") -> "Resident":
        """Where an object lives: here, unless that was settled before."""
        try:
            place = _Place(original, self._forget_place)
        except TypeError:
            return resident  # one without weak references: its twin alone knows
        place.key, place.resident = id(original), resident
        return keep_weak(self._places, place.key, place).resident

    def _forget_twin(self, ref: "weakref.ref[Any]") -> None:
        forget_weak(self._twins, cast("_Keyed", ref).key, ref)

    def _forget_place(self, ref: "weakref.ref[Any]") -> None:
        forget_weak(self._places, cast("_Place", ref).key, ref)


def _as_it_is(value: Any) -> Any:
    return value


class _Nearest(NamedTuple):
    """The nearest class with a twin, when these were the classes with twins."""

    edition: object
    ref: weakref.ref[type[Translated]] | None


class _Keyed(weakref.ref[Any]):
    """A reference that knows what it is kept under."""

    __slots__ = ("key",)

    key: int


class _Place(_Keyed):
    """Where an object lives, until it is gone."""

    __slots__ = ("resident",)

    resident: "Resident"


class Translator:
    """Translates for what lives nowhere: functions and classes.

    Their calls go to the loop of the calling thread, where the objects live that they return.
    """

    def __init__(self, manager: Manager, router: Router, settle: Settle) -> None:
        self.manager = manager
        self.router = router
        self.known = Known()
        self._settle = settle
        self._residents: weakref.WeakValueDictionary[int, Resident] = weakref.WeakValueDictionary()

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
            return translate(value, self._sort, _report)
        # Nothing in it could be of a class with a twin.
        return value if is_container(value) else translate(value, self._view_of, _report)

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

    def _sort(self, kind: type) -> Any:
        return self._view_of(kind) or shape_of(kind)

    def _view_of(self, kind: Any) -> Callable[[Any], Any] | None:
        """What makes the sync view of an object of this class, if it has one."""
        if kind is types.AsyncGeneratorType:
            return self._iterated
        if kind is _EntersGenerator:
            return self._entered
        if issubclass(kind, type):
            return self._twin_class
        twin_class = self.known.nearest_class(kind)
        return None if twin_class is None else functools.partial(self.twin, twin_class=twin_class)

    def _iterated(self, items: Any) -> SyncGenerator[Any, Any]:
        return self.iterate(items, items)

    def _entered(self, entered: Any) -> SyncContextManager[Any]:
        return SyncContextManager(self.router, entered.gen, lambda: entered, self.out)

    def _twin_class(self, kind: type) -> type:
        return self.known.twin_class(kind) or kind


_reported: ByClass[bool] = ByClass()


def _report(value: object, error: Exception) -> None:
    """Say, once for each class, that part of an answer is handed out as it is."""
    kind = kind_of(value)
    if _reported.get(kind):
        return
    _reported.keep(kind, True)
    with contextlib.suppress(Exception):  # a filter of somebody's; the answer is not lost for it
        logger.warning(
            "sideloop: an object of %s could not be translated, so sync code gets what async code "
            "has made: see the error below",
            type.__repr__(kind),
            exc_info=error,
        )


class Resident(Translator):
    """Translates for the objects that live in one place: what their calls return lives there too.

    Each of them holds this, and so keeps the runner.
    """

    def __init__(self, translator: Translator, home: Home, router: Router) -> None:
        self.manager = translator.manager
        self.router = router
        self.known = translator.known
        self.home = home

    def here(self, async_fn: Callable[..., object]) -> "Resident":  # noqa: ARG002  # whatever it is
        return self

    def running(self) -> "Resident":
        return self

    def original(self, async_fn: Any) -> Any:
        return from_elsewhere(self.home, async_fn)

    def twin(self, original: object, twin_class: type[Translated]) -> Translated:
        return self.known.twin(original, twin_class, self)


RESIDENT = "where this twin lives"
"""What an object's twin has that under."""


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
